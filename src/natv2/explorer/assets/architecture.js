// A network drawn: stages as groups of bars, kernel as height, expansion as width, exits as taps.

const BLOCK_SHAPES = {
  pointwise: "M0 -5L5 0L0 5L-5 0Z",
  light: "M-4 -4H4V4H-4Z",
  separable: "M-5 4L0 -5L5 4Z",
};

/** What a network computes, stage by stage: its levels with their kernel, expansion and other blocks. */
function stagesOf(architecture) {
  const [depths, kernels, expands, masks] = [
    architecture.depths,
    architecture.kernels,
    architecture.expand_ratios,
    architecture.masks,
  ].map(numbers);
  const levels = masks.length / depths.length;
  return depths.map((depth, stage) =>
    Array.from({ length: depth }, (_, level) => {
      const at = stage * levels + level;
      const others = Object.entries(DATA.blocks)
        .filter(([name, bit]) => name !== "inverted_bottleneck" && masks[at] & bit)
        .map(([name]) => name);
      return { kernel: kernels[at], expansion: expands[at], others };
    }),
  );
}

const FLOOR = 96; // where bars stand
const TALLEST = 60; // of a bar

function drawArchitecture(architecture) {
  const stages = stagesOf(architecture);
  const levels = stages.flat();
  const look = {
    unit: unitOf(levels, stages.length),
    step: TALLEST / Math.max(3, ...levels.map((level) => level.kernel)),
  };
  const svg = draw("svg", { role: "img", "aria-label": inWords(architecture, stages), width: "100%" });
  let x = 4;
  stages.forEach((each, stage) => {
    if (!each.length) return;
    const from = x;
    for (const level of each) x += drawLevel(svg, level, x, look);
    const middle = (from + x - look.unit) / 2;
    svg.append(
      draw("text", { class: "quiet", x: middle, y: FLOOR + 14, "text-anchor": "middle" }, `${stage + 1}`),
    );
    if (architecture.exits.includes(stage + 1)) svg.append(drawTap(stage + 1, x));
    x += 5 * look.unit;
  });
  const above = 11 * Math.max(0, ...levels.map((level) => level.others.length));
  svg.setAttribute("viewBox", `0 ${16 - above} ${Math.max(x, 120)} ${106 + above}`);
  svg.style.maxHeight = "190px";
  const taps = architecture.exits.length > 1 ? "taps are exits" : "the tap is the exit";
  const words = `${architecture.resolution} px, width ${architecture.width}. Bars: height is the kernel, width the expansion; ${taps}.`;
  const parallel = Object.keys(DATA.blocks).length > 1;
  return [
    svg,
    make("p", { class: "quiet" }, words),
    parallel && make("p", { class: "quiet" }, "Above the bars: ◇ pointwise, □ light, △ separable blocks."),
  ];
}

/** How wide one of expansion is, so that all of a network finds room. */
function unitOf(levels, stages) {
  const units = levels.reduce((sum, level) => sum + (level.expansion || 2) + 0.9, 5 * stages);
  return Math.max(2.2, Math.min(4.2, 250 / units));
}

/** A level's bar at `x`, and its other blocks above; gives the room that it takes. */
function drawLevel(svg, { kernel, expansion, others }, x, { unit, step }) {
  const width = Math.max(6, (expansion || 2) * unit);
  const height = kernel * step;
  const middle = x + width / 2;
  const titled = (text) => draw("title", {}, text);
  if (kernel) {
    const bar = { class: "kernel", x, y: FLOOR - height, width, height, rx: 1.5 };
    svg.append(draw("rect", bar, titled(`kernel ${kernel}, expansion ${expansion}`)));
    const number = { class: "quiet", x: middle, y: FLOOR - height - 4, "text-anchor": "middle" };
    if (width > 9) svg.append(draw("text", number, String(kernel)));
  }
  others.forEach((name, i) => {
    const place = `translate(${middle} ${FLOOR - (kernel ? height + 22 : 8) - 11 * i}) scale(.8)`;
    const shape = { class: "plain", transform: place, d: BLOCK_SHAPES[name] || BLOCK_SHAPES.light };
    svg.append(draw("path", shape, titled(name)));
  });
  return width + 0.9 * unit;
}

function drawTap(exit, x) {
  const path = `M${x} ${FLOOR - TALLEST - 2}V${FLOOR + 16}m-4 0h8l-4 7z`;
  return draw("path", { class: "tap", d: path }, draw("title", {}, `exit ${exit}`));
}

function inWords(architecture, stages) {
  const told = stages.map(
    (levels, stage) =>
      levels.length &&
      `stage ${stage + 1}: ${levels.map((level) => (level.kernel ? `kernel ${level.kernel} expansion ${level.expansion}` : level.others.join(" and "))).join(", ")}`,
  );
  return `${architecture.resolution} pixels, width ${architecture.width}; ${told.filter(Boolean).join("; ")}; exits ${architecture.exits.join(", ")}`;
}
