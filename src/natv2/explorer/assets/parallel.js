// Parallel coordinates: a line for each network through its choices; ranges that are dragged keep some of them.

const LINES = { left: 44, right: 44, top: 44, bottom: 22, height: 300 };

function numbers(list) {
  return list.split("-").map(Number);
}

/** The mean of those that are there, 0 where nothing is. */
function mean(list) {
  const there = list.filter(Boolean);
  return there.length ? there.reduce((sum, each) => sum + each, 0) / there.length : undefined;
}

/** Blocks that work in parallel on a level, on average. */
function meanBlocks(masks) {
  return mean(masks.map((mask) => mask.toString(2).replaceAll("0", "").length));
}

/** What architectures can differ in, as axes; those in which none of these differ are left out. */
const DIMENSIONS = dimensions();

function dimensions() {
  const of = (value) => (network) => (network.architecture ? value(network.architecture) : undefined);
  const stages = Math.max(
    0,
    ...NETWORKS.filter((each) => each.architecture).map((each) => numbers(each.architecture.depths).length),
  );
  const all = [
    { name: "resolution", title: "Resolution", unit: "px", of: of((a) => a.resolution) },
    { name: "width", title: "Width", of: of((a) => a.width) },
    { name: "exit", title: "Exit", of: of((a) => a.exits[a.exits.length - 1]) },
    { name: "exits", title: "Exits", of: of((a) => a.exits.length) },
    ...Array.from({ length: stages }, (_, stage) => ({
      name: `depth ${stage + 1}`,
      title: `Depth ${stage + 1}`,
      of: of((a) => numbers(a.depths)[stage]),
    })),
    { name: "kernel", title: "Mean kernel", of: of((a) => mean(numbers(a.kernels))) },
    { name: "expansion", title: "Mean expansion", of: of((a) => mean(numbers(a.expand_ratios))) },
    { name: "blocks", title: "Blocks a level", of: of((a) => meanBlocks(numbers(a.masks))) },
  ];
  return all.filter((each) => new Set(NETWORKS.map(each.of).filter((value) => value !== undefined)).size > 1);
}

/** The choices, then both axes of the plot. */
function linesAxes() {
  const measures = ["x", "y"].map((which) => ({
    name: `axis ${which}`,
    measure: axis(which),
    title: axis(which).title,
    of: (network) => network.values[state[which]],
  }));
  return [...DIMENSIONS, ...measures];
}

function drawParallel() {
  const networks = NETWORKS.filter(
    (each) => each.architecture && state.x in each.values && state.y in each.values,
  );
  const axes = linesAxes();
  if (!networks.length || axes.length < 3) {
    refill(byId("parallel"), make("p", { class: "quiet" }, "There is too little to compare."));
    return;
  }
  const { left, right, top, bottom, height } = LINES;
  const width = Math.max(560, byId("parallel").clientWidth || 1100);
  const svg = draw("svg", {
    width: "100%",
    viewBox: `0 0 ${width} ${height}`,
    role: "group",
    "aria-label": "Choices of each network, an axis each",
  });
  axes.forEach((each, i) => {
    const log = each.measure && state.log.has(each.measure.name);
    const values = networks.map(each.of).filter((value) => value !== undefined);
    each.x = left + (i / (axes.length - 1)) * (width - left - right);
    each.values = [...new Set(values)].sort((a, b) => a - b);
    each.scale = scaleOf(each.measure, values, log, height - bottom, top);
  });
  const rank = (network) =>
    network.index === state.chosen ? 3 : network.kind === "finished" ? 2 : onFoundFront.has(network) ? 1 : 0;
  const onFoundFront = new Set(frontOf("found"));
  const ordered = [...networks].sort((one, other) => rank(one) - rank(other));
  svg.append(
    draw(
      "g",
      {},
      ordered.map((network) => drawLine(network, axes, onFoundFront)),
    ),
  );
  svg.append(...axes.map((each) => drawDimension(each, svg)));
  refill(byId("parallel"), svg);
}

function drawLine(network, axes, front) {
  const at = axes.map((each) => [each.x, each.of(network)]).filter(([, value]) => value !== undefined);
  const scales = new Map(axes.map((each) => [each.x, each.scale]));
  const path = at.map(([x, value], i) => `${i ? "L" : "M"}${x} ${scales.get(x).at(value)}`).join("");
  const kind = network.kind === "finished" ? " of-finished" : front.has(network) ? " of-front" : "";
  const chosen = network.index === state.chosen ? " chosen" : "";
  return draw("path", {
    class: `line${kind}${chosen}${lit(network) ? "" : " off"}`,
    d: path,
    "data-index": network.index,
  });
}

function drawDimension(dimension, svg) {
  const { top, bottom, height } = LINES;
  const { x, name, measure } = dimension;
  const line = draw("line", { class: "axis", x1: x, x2: x, y1: top, y2: height - bottom });
  const group = draw("g", { class: "dimension", "data-name": name }, line, drawDimensionText(dimension));
  if (!measure) group.append(...drawBrush(dimension, svg)); // measures have the plot's own lines and box
  return group;
}

/** The title above, in two lines where it is long, and round values, or all where they are few. */
function drawDimensionText({ x, scale, values, title, measure }) {
  const { top, bottom, height } = LINES;
  const words = title.split(" ");
  const lines = title.length > 9 && words.length > 1 ? [words.slice(0, -1).join(" "), words.at(-1)] : [title];
  const inside = (tick) => scale.at(tick) <= height - bottom && scale.at(tick) >= top;
  const ticks = values.length <= 7 && !measure ? values : scale.ticks.filter(inside);
  const text = (value) => (measure ? write(measure, value) : String(Number(value.toFixed(2))));
  return draw(
    "g",
    {},
    lines.map((line, i) =>
      draw("text", { x, y: top - 12 - 14 * (lines.length - 1 - i), "text-anchor": "middle" }, line),
    ),
    ticks
      .map((value) => {
        const y = scale.at(value);
        const mark = draw("line", { class: "axis", x1: x - 3, x2: x + 3, y1: y, y2: y });
        return [mark, draw("text", { class: "quiet labelled", x: x + 6, y: y + 4 }, text(value))];
      })
      .flat(),
  );
}

/** The range that is kept of an axis, with an end that is dragged at either side, and room to drag a new one. */
function drawBrush(dimension, svg) {
  const { top, bottom, height } = LINES;
  const { x, name, scale } = dimension;
  const [low, high] = state.brushes.get(name) || [scale.low, scale.high];
  const range = {
    x: x - 7,
    y: scale.at(high),
    width: 14,
    height: Math.max(1, scale.at(low) - scale.at(high)),
  };
  const area = { class: "brush-area", x: x - 14, y: top - 6, width: 28, height: height - top - bottom + 12 };
  return [
    draw("rect", {
      ...area,
      pointerdown: (event) => startBrush(event, svg, dimension),
      dblclick: () => setBrush(name, null),
    }),
    ...(state.brushes.has(name)
      ? [draw("rect", { class: "brush", "pointer-events": "none", ...range })]
      : []),
    drawBrushEnd(dimension, "low", low, svg),
    drawBrushEnd(dimension, "high", high, svg),
  ];
}

function drawBrushEnd(dimension, end, value, svg) {
  const y = clamped(dimension.scale, value);
  const set = (pixel) =>
    moveBrush(
      dimension,
      end,
      dimension.scale.value(Math.min(LINES.height - LINES.bottom, Math.max(LINES.top, pixel))),
    );
  const key = (event) => {
    const by = { ArrowUp: -8, ArrowDown: 8 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    set(y + by * (event.shiftKey ? 4 : 1));
  };
  return draw("rect", {
    class: "brush-end",
    x: dimension.x - 8,
    y: y - 3,
    width: 16,
    height: 6,
    rx: 3,
    tabindex: 0,
    role: "slider",
    "data-key": `brush-${dimension.name}-${end}`,
    "aria-label": `${end === "low" ? "Least" : "Most"} ${lower(dimension.title)}`,
    "aria-valuetext": String(Number(value.toFixed(2))),
    "aria-valuenow": value,
    "aria-orientation": "vertical",
    pointerdown: (event) => {
      event.stopPropagation();
      dragging(event, svg, (point) => set(point.y));
    },
    keydown: key,
  });
}

function startBrush(event, svg, dimension) {
  const start = pointIn(svg, event).y;
  dragging(event, svg, (point) => {
    if (Math.abs(point.y - start) < 4) return;
    const range = [start, point.y].map((pixel) =>
      dimension.scale.value(Math.min(LINES.height - LINES.bottom, Math.max(LINES.top, pixel))),
    );
    setBrush(
      dimension.name,
      range.sort((a, b) => a - b),
    );
  });
}

function moveBrush(dimension, end, value) {
  const [low, high] = state.brushes.get(dimension.name) || [dimension.scale.low, dimension.scale.high];
  setBrush(dimension.name, end === "low" ? [Math.min(value, high), high] : [low, Math.max(value, low)]);
}

function setBrush(name, range) {
  if (range) state.brushes.set(name, range);
  else state.brushes.delete(name);
  changed();
}
