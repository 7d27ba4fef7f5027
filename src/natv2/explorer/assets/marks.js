// The networks in the plot: their marks, intervals and corner marks around the one to take.

const SAME_PLACE = 2; // pixels

function drawNetworks(kinds, fronts, scales, width) {
  const role = roles();
  const near = role ? withinNoise(kinds.found, role.cost, role.accuracy, trials(role.accuracy)) : new Set();
  const onFront = new Set(fronts.found);
  const pick = picked();
  const dull = kinds.found
    .map((network, i) => [network, `found${near.has(i) ? " near" : ""}`])
    .filter(([network]) => !onFront.has(network));
  const groups = [
    ...dull.map(([network, name]) => mark(network, scales, draw("circle", { class: name, r: 3.4 }))),
    ...fronts.found.map((network) =>
      mark(network, scales, draw("circle", { class: "front", r: 5 }), "of-front"),
    ),
    ...kinds.plain.map((network) =>
      mark(network, scales, draw("path", { class: "plain", d: "M-5 -5L5 5M-5 5L5 -5" }), "of-plain"),
    ),
    ...kinds.finished.map((network) =>
      mark(
        network,
        scales,
        [draw("circle", { class: "ring", r: 8.5 }), draw("circle", { class: "finished", r: 4.2 })],
        "of-finished",
      ),
    ),
  ];
  if (pick) groups.push(drawPick(pick.pick, scales));
  const around = [...fronts.found, ...kinds.plain, ...kinds.finished];
  return [...groups, ...drawLabels([...kinds.finished, ...kinds.plain], around, scales, width)];
}

/** A network at its place, with its interval, its halo and what it tells. */
function mark(network, scales, shapes, of = "of-found") {
  const x = scales.x.at(network.values[state.x]),
    y = scales.y.at(network.values[state.y]);
  const whisker = state.intervals && of !== "of-found" ? drawWhisker(network, scales, x, y, of) : [];
  const chosen = network.index === state.chosen && NETWORKS[network.index] === network;
  const attributes = {
    class: `network${lit(network) ? "" : " off"}${chosen ? " chosen" : ""}`,
    id: `network-${network.index}`,
    "data-index": network.index,
    role: "option",
    "aria-selected": String(chosen),
    "aria-label": spoken(network),
    click: (event) => {
      choose(nextOf(pileAt(network, scales), network).index);
      showHint(event, network, pileAt(network, scales)); // no pointer moves while all is drawn anew
    },
    pointerenter: (event) => showHint(event, network, pileAt(network, scales)),
    pointerleave: hideHint,
  };
  return draw(
    "g",
    attributes,
    whisker,
    draw(
      "g",
      { transform: `translate(${x} ${y})` },
      draw("circle", { class: "halo", r: of === "of-found" ? 9 : 12 }),
      shapes,
    ),
  );
}

/** The networks that lie at the place of one, so that only the last drawn of them can be pointed at. */
function pileAt(network, scales) {
  const at = (each) => [scales.x.at(each.values[state.x]), scales.y.at(each.values[state.y])];
  const [x, y] = at(network);
  return ["found", "plain", "finished"]
    .flatMap((kind) => drawn(kind))
    .filter((each) => Math.hypot(at(each)[0] - x, at(each)[1] - y) < SAME_PLACE);
}

/** Which of a pile a click chooses: the one on top, `network`, and then one after the other. */
function nextOf(pile, network) {
  const now = pile.findIndex((each) => each.index === state.chosen);
  return now < 0 ? network : pile[(now + 1) % pile.length];
}

function drawWhisker(network, scales, x, y, of) {
  return whiskersOf(network, scales).map(([which, low, high]) => {
    const path =
      which === "y"
        ? `M${x} ${low}V${high}M${x - 3} ${low}h6M${x - 3} ${high}h6`
        : `M${low} ${y}H${high}M${low} ${y - 3}v6M${high} ${y - 3}v6`;
    return draw("path", { class: `whisker ${of}`, d: path });
  });
}

/** The intervals of a network in the plot: along which axis, from where to where in pixels. */
function whiskersOf(network, scales) {
  return ["x", "y"]
    .filter((which) => trials(axis(which)))
    .map((which) => [
      which,
      ...wilson(network.values[state[which]], trials(axis(which))).map((end) => clamped(scales[which], end)),
    ]);
}

/** Where `value` is on the scale, or its end where that is nearer. */
function clamped(scale, value) {
  return scale.at(Math.min(scale.high, Math.max(scale.low, value)));
}

function drawPick(network, scales) {
  const x = scales.x.at(network.values[state.x]),
    y = scales.y.at(network.values[state.y]);
  return draw("path", {
    class: "pick",
    id: "pick",
    "data-index": network.index,
    d: `M${x - 15} ${y - 8}v-7h7M${x + 8} ${y - 15}h7v7M${x + 15} ${y + 8}v7h-7M${x - 8} ${y + 15}h-7v-7`,
  });
}

function spoken(network) {
  const told = ["x", "y"].map((which) => writeWhole(axis(which), network.values[state[which]]));
  return `${title(network)}, ${network.kind}: ${told.join(", ")}`;
}
