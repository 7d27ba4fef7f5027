// The chosen network: what it is, what it costs, what was expected of it, and who is next to it.

function drawDetail() {
  const network = NETWORKS[state.chosen];
  if (!network) {
    refill(
      byId("detail"),
      make("h2", {}, "No network is chosen"),
      make(
        "p",
        { class: "quiet" },
        "Click one in the plot, or give the plot the focus and use the arrow keys.",
      ),
    );
    return;
  }
  const open = [...byId("detail").querySelectorAll("details[open]")].map((each) => each.dataset.key);
  refill(
    byId("detail"),
    make("h2", {}, named(title(network))),
    make(
      "p",
      {},
      badges(network).map((text) => make("span", { class: "badge" }, named(text))),
    ),
    drawValues(network),
    network.architecture ? drawArchitecture(network.architecture) : null,
    drawParts(network.parts),
    drawPrediction(network),
    drawNeighbours(network),
    network.kind === "finished" ? drawFinished(network) : null,
  );
  open.forEach((key) =>
    byId("detail")
      .querySelector(`details[data-key="${CSS.escape(key)}"]`)
      ?.setAttribute("open", ""),
  );
}

const FAMILIES = {
  plain: "plain network",
  scaled: "plain values of the supernet's own design",
  random: "random candidate",
  pretrained: "fine-tuned from ImageNet",
};

function badges(network) {
  const record = network.finished?.record || {};
  const told = [
    {
      found: "found by the search",
      finished: "finished",
      plain: FAMILIES[network.family] || network.family || "plain network",
    }[network.kind],
  ];
  if (network.front) told.push("on the search's front");
  if (network.high_tradeoff) told.push("high trade-off");
  if (network.turn !== undefined)
    told.push(network.turn ? `since turn ${network.turn}` : "in the first archive");
  if (record.method) told.push(`method ${record.method}`);
  if (record.teacher) told.push(record.teacher === "none" ? "no teacher" : `taught by ${record.teacher}`);
  if (record.epochs !== undefined) told.push(plural(record.epochs, "epoch"));
  if (network.finished?.meets_constraints === false) told.push("does not keep the search's constraints");
  return told;
}

function drawValues(network) {
  const rows = DATA.measures
    .filter((each) => network.values[each.name] !== undefined)
    .flatMap((measure) => {
      const value = network.values[measure.name],
        count = trials(measure);
      const range = count ? wilson(value, count).map((end) => (100 * end).toFixed(1)) : null;
      const before = network.finished?.before?.[measure.name];
      const change = before === undefined ? "" : `, as found ${write(measure, before)}`;
      return [
        make("dt", {}, measure.title),
        make(
          "dd",
          {},
          make("strong", {}, write(measure, value)),
          make("span", { class: "quiet" }, range ? ` ${range[0]} to ${range[1]} %` : "", change),
        ),
      ];
    });
  return make("dl", { class: "numbers" }, rows);
}

/** What the predictor said of it when it was a candidate, among all of which it said something. */
function drawPrediction(network) {
  if (network.predicted === undefined || network.found !== undefined) return [];
  const told = NETWORKS.filter((each) => each.kind === "found" && each.predicted !== undefined);
  const gap = network.values.accuracy - network.predicted;
  const heading = make("h3", {}, "Predicted against true accuracy");
  const words = make(
    "p",
    { class: "quiet" },
    `Expected ${(100 * network.predicted).toFixed(1)} %, measured ${(100 * network.values.accuracy).toFixed(1)} % after the last turn (${points(gap)}).`,
  );
  if (told.length < 2) return [heading, words];
  const size = 170,
    scale = scaleOf(
      MEASURES.get("accuracy"),
      told.flatMap((each) => [each.predicted, each.values.accuracy]),
      false,
      26,
      size - 4,
    );
  const flip = (value) => size - scale.at(value) + 4;
  const svg = draw(
    "svg",
    {
      width: size,
      height: size + 18,
      viewBox: `0 0 ${size} ${size + 18}`,
      role: "img",
      "aria-label": words.textContent,
    },
    draw("line", {
      class: "axis",
      x1: scale.at(scale.low),
      y1: flip(scale.low),
      x2: scale.at(scale.high),
      y2: flip(scale.high),
    }),
    told.map((each) =>
      draw("circle", {
        class: "found",
        r: 2.6,
        cx: scale.at(each.predicted),
        cy: flip(each.values.accuracy),
      }),
    ),
    draw("circle", {
      class: "front",
      r: 5,
      cx: scale.at(network.predicted),
      cy: flip(network.values.accuracy),
    }),
    draw("text", { class: "quiet", x: size / 2, y: size + 14, "text-anchor": "middle" }, "predicted"),
    draw(
      "text",
      {
        class: "quiet",
        x: 10,
        y: size / 2,
        "text-anchor": "middle",
        transform: `rotate(-90 10 ${size / 2})`,
      },
      "true",
    ),
  );
  return [heading, words, svg];
}

/** The networks before and after it on the front of its kind, and what one more point costs between them. */
function drawNeighbours(network) {
  const role = roles();
  if (
    !role ||
    !(role.cost.name in network.values) ||
    !(role.accuracy.name in network.values) ||
    network.kind === "plain"
  )
    return [];
  const { cost, accuracy } = role;
  const front = frontOf(network.kind).sort((one, other) => one.values[cost.name] - other.values[cost.name]);
  const at = (each) => [each.values[cost.name], each.values[accuracy.name]];
  const [paid, had] = at(network);
  const cheaper = front.filter((each) => each.values[cost.name] < paid).at(-1);
  const better = front.find((each) => each.values[accuracy.name] > had && each !== network);
  const row = (name, other) =>
    other &&
    make(
      "tr",
      { class: "pickable", click: () => choose(other.index) },
      make("td", {}, name, " ", named(title(other))),
      make("td", {}, write(accuracy, at(other)[1])),
      make("td", {}, write(cost, at(other)[0])),
    );
  const rows = [row("cheaper:", cheaper), row("better:", better)].filter(Boolean);
  const said = [];
  if (!front.includes(network)) said.push("It is not on the front of these two measures.");
  if (better && at(better)[0] > paid) {
    const each = (at(better)[0] - paid) / (100 * (at(better)[1] - had));
    said.push(
      `One more point costs ${write(cost, each)} ${cost.format === "amount" ? lower(cost.title) : ""} here, up to ${title(better)}.`.replace(
        "  ",
        " ",
      ),
    );
  } else if (better) said.push(`${title(better)} is better and costs no more.`);
  else said.push("Nothing here is more accurate.");
  return [
    make("h3", {}, "Its neighbours on the front"),
    rows.length ? make("table", {}, rows) : null,
    make("p", { class: "quiet" }, named(said.join(" "))),
  ];
}
