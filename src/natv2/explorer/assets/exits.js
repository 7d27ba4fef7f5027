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
  const step = thresholds.get(network.name) ?? curve.length - 1;
  const output = make("div", { role: "status" });
  const input = make("input", {
    type: "range",
    id: "threshold",
    min: 0,
    max: curve.length - 1,
    step: 1,
    "aria-label": "Confidence from which on an image leaves",
    "data-key": "threshold",
    input: (event) => {
      thresholds.set(network.name, Number(event.target.value));
      tell(Number(event.target.value));
    },
  });
  input.value = step;
  const tell = (at) => {
    const row = curve[at];
    const bars = row.shares.map((share, i) =>
      make(
        "tr",
        {},
        make("td", {}, `leaves at exit ${network.finished.detail.exits[i].exit}`),
        make("td", {}, recallBar(share, false)),
        make("td", {}, `${(100 * share).toFixed(1)} %`),
      ),
    );
    input.setAttribute("aria-valuetext", `${(100 * row.threshold).toFixed(0)} %`);
    output.replaceChildren(
      make(
        "p",
        {},
        `At ${(100 * row.threshold).toFixed(0)} % sure an image leaves: `,
        make("strong", {}, `${(100 * row.top1).toFixed(1)} % top-1`),
        ` with ${amount(row.mean_macs)} MACs on average.`,
      ),
      make("table", {}, bars),
    );
  };
  tell(step);
  return [make("h3", {}, "Leaving early (test images)"), input, output];
}
