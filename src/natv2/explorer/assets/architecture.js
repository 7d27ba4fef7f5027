// A network drawn: stages as groups of bars, kernel as height, expansion as width, exits as taps; and what its parts cost.

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

function drawArchitecture(architecture) {
  const stages = stagesOf(architecture);
  const known = stages.flat();
  const unit = Math.max(
    2.2,
    Math.min(
      4.2,
      250 /
        Math.max(1, known.reduce((sum, level) => sum + (level.expansion || 2) + 0.9, 0) + 5 * stages.length),
    ),
  );
  const tallest = Math.max(3, ...known.map((level) => level.kernel)),
    step = 60 / tallest;
  const svg = draw("svg", { role: "img", "aria-label": inWords(architecture, stages) });
  const floor = 96;
  let x = 4;
  stages.forEach((levels, stage) => {
    if (!levels.length) return;
    const start = x;
    for (const { kernel, expansion, others } of levels) {
      const width = Math.max(6, (expansion || 2) * unit),
        height = kernel * step;
      if (kernel) {
        svg.append(
          draw(
            "rect",
            { class: "kernel", x, y: floor - height, width, height, rx: 1.5 },
            draw("title", {}, `kernel ${kernel}, expansion ${expansion}`),
          ),
        );
        if (width > 9)
          svg.append(
            draw(
              "text",
              {
                class: "quiet",
                x: x + width / 2,
                y: floor - height - 4,
                "text-anchor": "middle",
                "font-size": 9,
              },
              String(kernel),
            ),
          );
      }
      others.forEach((name, i) =>
        svg.append(
          draw(
            "path",
            {
              class: "plain",
              transform: `translate(${x + width / 2} ${floor - height - 20 - 11 * i}) scale(.8)`,
              d: BLOCK_SHAPES[name] || BLOCK_SHAPES.light,
            },
            draw("title", {}, name),
          ),
        ),
      );
      x += width + 0.9 * unit;
    }
    svg.append(
      draw(
        "text",
        { class: "quiet stage-name", x: (start + x) / 2 - unit / 2, y: floor + 14, "text-anchor": "middle" },
        `${stage + 1}`,
      ),
    );
    if (architecture.exits.includes(stage + 1))
      svg.append(
        draw(
          "path",
          { class: "tap", d: `M${x} ${floor - 62}V${floor + 16}m-4 0h8l-4 7z` },
          draw("title", {}, `exit ${stage + 1}`),
        ),
      );
    x += 5 * unit;
  });
  svg.setAttribute("viewBox", `0 8 ${Math.max(x, 120)} 114`);
  svg.setAttribute("width", "100%");
  svg.style.maxHeight = "190px";
  const legend = make(
    "p",
    { class: "quiet" },
    `${architecture.resolution} px, width ${architecture.width}. Bars: height is the kernel, width the expansion; the tap is ${architecture.exits.length > 1 ? "an exit" : "the exit"}.`,
  );
  const parallel = Object.keys(DATA.blocks).filter((name) => name !== "inverted_bottleneck");
  return [
    svg,
    legend,
    parallel.length
      ? make("p", { class: "quiet" }, "Beside the bars: ◇ pointwise, □ light, △ separable.")
      : null,
  ];
}

function inWords(architecture, stages) {
  const told = stages.map(
    (levels, stage) =>
      levels.length &&
      `stage ${stage + 1}: ${levels.map((level) => (level.kernel ? `kernel ${level.kernel} expansion ${level.expansion}` : level.others.join(" and "))).join(", ")}`,
  );
  return `${architecture.resolution} pixels, width ${architecture.width}; ${told.filter(Boolean).join("; ")}; exits ${architecture.exits.join(", ")}`;
}

/** MACs and parameters of the stem, each stage and the heads, as pairs of bars. */
function drawParts(parts) {
  if (!parts) return [];
  const names = parts.map((_, i) => (i === 0 ? "Stem" : i === parts.length - 1 ? "Heads" : `Stage ${i}`));
  const totals = [0, 1].map((which) => parts.reduce((sum, part) => sum + part[which], 0));
  const width = 420,
    height = 20,
    from = 62,
    to = 290;
  const rows = parts.map((part, i) => [names[i], part]).filter(([, part]) => part[0] || part[1]);
  const svg = draw("svg", {
    width: "100%",
    viewBox: `0 0 ${width} ${rows.length * height + 4}`,
    role: "img",
    "aria-label": `Cost by stage: ${rows.map(([name, part]) => `${name} ${amount(part[1])} MACs, ${amount(part[0])} parameters`).join("; ")}`,
  });
  const most = Math.max(...rows.map(([, part]) => Math.max(part[0] / totals[0], part[1] / totals[1])));
  rows.forEach(([name, [params, macs]], i) => {
    const y = i * height,
      long = (share) => ((to - from) * share) / most;
    svg.append(
      draw("text", { x: 0, y: y + 14 }, name),
      draw("rect", { class: "bar", x: from, y: y + 3, width: long(macs / totals[1]), height: 7 }),
      draw("rect", { class: "bar second", x: from, y: y + 11, width: long(params / totals[0]), height: 4 }),
      draw("text", { class: "quiet", x: to + 66, y: y + 14, "text-anchor": "end" }, amount(macs)),
      draw("text", { class: "quiet", x: width, y: y + 14, "text-anchor": "end" }, amount(params)),
    );
  });
  svg.style.maxWidth = "480px";
  return [make("h3", {}, "Cost by stage: MACs (thick), parameters (thin)"), svg];
}
