// Networks with several exits: how accurate each is, and what a threshold of confidence gives.

const thresholds = new Map(); // of each network, where its slider stands

function drawExits(network) {
  const exits = network.finished.detail?.exits;
  if (!exits || exits.length < 2) return [];
  const rows = exits.map((exit, i) =>
    make(
      "tr",
      {},
      make("td", {}, `Exit ${exit.exit}`),
      make("td", {}, `${(100 * exit.own).toFixed(1)} %`),
      make("td", {}, `${(100 * exit.together).toFixed(1)} %`),
      make("td", {}, amount(exit.macs)),
    ),
  );
  const head = make(
    "tr",
    {},
    ["", "Alone", "With those before", "MACs"].map((name) => make("th", {}, name)),
  );
  return [
    make("h3", {}, "Accuracy by exit (test images)"),
    make("table", {}, head, rows),
    ...drawThreshold(network),
  ];
}

/** A slider of the confidence from which on an image leaves: the share that leaves where, MACs and top-1. */
function drawThreshold(network) {
  const curve = network.finished.detail?.leaving || [];
  if (!curve.length) return [];
  const output = make("div", { role: "status" });
  const input = make("input", {
    type: "range",
    id: "threshold",
    min: 0,
    max: curve.length - 1,
    step: 1,
    "aria-label": "Confidence from which on an image leaves",
    "data-key": "threshold",
    input: () => {
      thresholds.set(network.name, Number(input.value));
      tell();
    },
  });
  const tell = () => {
    const row = curve[Number(input.value)];
    input.setAttribute("aria-valuetext", sureness(row.threshold));
    output.replaceChildren(...leavingInWords(row), leavingTable(row.shares, network.finished.detail.exits));
  };
  input.value = thresholds.get(network.name) ?? curve.length - 1;
  tell();
  return [make("h3", {}, "Leaving early (validation images)"), input, output];
}

/** A threshold in words; above 1 nobody is that sure. */
function sureness(threshold) {
  return threshold > 1 ? "never" : `${Number((100 * threshold).toPrecision(threshold > 0.99 ? 4 : 2))} %`;
}

function leavingInWords(row) {
  const when =
    row.threshold > 1
      ? "Nobody leaves before the last exit: "
      : `At ${sureness(row.threshold)} sure an image leaves: `;
  const right = "top1" in row ? `${(100 * row.top1).toFixed(1)} % top-1` : `${(100 * row.macro).toFixed(1)} % macro accuracy`;
  return [make("p", {}, when, make("strong", {}, right), ` with ${amount(row.mean_macs)} MACs on average.`)];
}

function leavingTable(shares, exits) {
  const rows = shares.map((share, i) =>
    make(
      "tr",
      {},
      make("td", {}, `leaves at exit ${exits[i].exit}`),
      make("td", {}, recallBar(share, false)),
      make("td", {}, `${(100 * share).toFixed(1)} %`),
    ),
  );
  return make("table", {}, rows);
}
