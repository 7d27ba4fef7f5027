// Names beside networks in the plot, where there is room for them.

const CROWDED = 12; // square pixels of others that a plain network's name may cover

/** Names beside networks, each where it covers least of those `around`; of plain ones not where it is crowded. */
function drawLabels(networks, around, scales, width) {
  const at = (network) => [scales.x.at(network.values[state.x]), scales.y.at(network.values[state.y])];
  const taken = around.flatMap((network) => coveredBy(network, at(network), scales));
  return networks.map((network) => {
    const text = short(network.name);
    const places = placesOf(at(network), 6.1 * text.length + 4);
    const covered = (box) => outside(box, width) + taken.reduce((sum, other) => sum + overlap(box, other), 0);
    const best = places.reduce((one, other) => (covered(other) < covered(one) - 1e-9 ? other : one));
    if (network.kind === "plain" && network.index !== state.chosen && covered(best) > CROWDED) return null;
    taken.push(best);
    const look = { class: "labelled", opacity: lit(network) ? 1 : 0.3 };
    return draw("text", { ...look, x: best.from, y: best.base, "text-anchor": best.anchor }, text);
  });
}

/** What a network covers in the plot: its mark, and its intervals where they are drawn. */
function coveredBy(network, [x, y], scales) {
  const whiskers = state.intervals ? whiskersOf(network, scales) : [];
  return [
    { x: x - 9, y: y - 9, width: 18, height: 18 },
    ...whiskers.map(([which, one, other]) => {
      const from = Math.min(one, other),
        length = Math.abs(one - other);
      return which === "y"
        ? { x: x - 4, y: from, width: 8, height: length }
        : { x: from, y: y - 4, width: length, height: 8 };
    }),
  ];
}

/** Where a name of a length may stand around a network: the boxes, with where their text begins. */
function placesOf([x, y], length) {
  const places = [
    ...[
      [12, 4, "start"],
      [-12, 4, "end"],
      [0, -14, "middle"],
      [0, 22, "middle"],
    ],
    ...[
      [10, -10, "start"],
      [10, 18, "start"],
      [-10, -10, "end"],
      [-10, 18, "end"],
    ],
  ];
  const before = { start: 0, middle: length / 2, end: length };
  return places.map(([dx, dy, anchor]) => ({
    anchor,
    from: x + dx,
    base: y + dy,
    x: x + dx - before[anchor],
    y: y + dy - 10,
    width: length,
    height: 13,
  }));
}

/** What a box that leaves the plot counts as covering. */
function outside(box, width) {
  const inside =
    box.x >= PLOT.left &&
    box.x + box.width <= width - PLOT.right &&
    box.y >= 0 &&
    box.y + box.height <= PLOT.height - PLOT.bottom;
  return inside ? 0 : 400;
}

function overlap(one, other) {
  const x = Math.min(one.x + one.width, other.x + other.width) - Math.max(one.x, other.x);
  const y = Math.min(one.y + one.height, other.y + other.height) - Math.max(one.y, other.y);
  return x > 0 && y > 0 ? x * y : 0;
}

function short(name) {
  return name.length > 26 ? `${name.slice(0, 25)}…` : name;
}
