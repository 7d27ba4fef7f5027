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
    network.kind === "plain" ? drawPlain(network) : null,
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
  const dot = (each, name, r) => ({ x: each.predicted, y: each.values.accuracy, name, r });
  const dots = [...told.map((each) => dot(each, "found", 2.6)), dot(network, "front", 5)];
  const values = dots.flatMap(({ x, y }) => [x, y]);
  const svg = drawSquare(words.textContent, ["predicted", "true"], values, dots);
  return [heading, words, svg];
}

/** The networks before and after it on the front of its kind, and what one more point costs between them. */
function drawNeighbours(network) {
  const role = roles();
  const known = role && [role.cost, role.accuracy].every((each) => each.name in network.values);
  if (!known || network.kind === "plain") return [];
  const paid = (each) => each.values[role.cost.name];
  const had = (each) => each.values[role.accuracy.name];
  const front = frontOf(network.kind).sort((one, other) => paid(one) - paid(other));
  const better = front.find((each) => had(each) > had(network));
  const cheaper = front.filter((each) => paid(each) < paid(network) && each !== better).at(-1);
  const row = ([name, other]) =>
    make(
      "tr",
      { class: "pickable", click: () => choose(other.index) },
      make("td", {}, name, " ", named(title(other))),
      make("td", {}, write(role.accuracy, had(other))),
      make("td", {}, write(role.cost, paid(other))),
    );
  const rows = [
    ["cheaper:", cheaper],
    ["better:", better],
  ]
    .filter(([, other]) => other)
    .map(row);
  const said = front.includes(network) ? [] : ["It is not on the front of these two measures."];
  const [gain, more] = better ? [had(better) - had(network), paid(better) - paid(network)] : [];
  if (!better) said.push("Nothing here is more accurate.");
  else if (more <= 0) said.push(`${title(better)} is better and costs no more.`);
  else
    said.push(
      `${title(better)} has ${points(gain)} for ${writeWhole(role.cost, more)} more: ` +
        `at that rate one more point costs ${write(role.cost, more / (100 * gain))}.`,
    );
  return [
    make("h3", {}, "Its neighbours on the front"),
    rows.length ? make("table", {}, rows) : null,
    make("p", { class: "quiet" }, named(said.join(" "))),
  ];
}
