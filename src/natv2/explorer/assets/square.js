// Small square plots of one share against another, with the line on which both are equal.

const SQUARE = { size: 190, edge: 44 };

/** `dots` have x and y (shares), a class, a radius and perhaps a title; the first ones lie below. */
function drawSquare(label, titles, values, dots, joined = false) {
  const { size, edge } = SQUARE;
  const scale = scaleOf(SHARE, values, false, edge, size - 4);
  const across = (value) => scale.at(value);
  const up = (value) => size - scale.at(value);
  const ends = [scale.ticks[0], scale.ticks[scale.ticks.length - 1]];
  const line = dots.map(({ x, y }, i) => `${i ? "L" : "M"}${across(x)} ${up(y)}`).join("");
  const text = (attributes, words) =>
    draw("text", { class: "quiet", "text-anchor": "middle", ...attributes }, words);
  return draw(
    "svg",
    { width: size, height: size - 8, viewBox: `0 0 ${size} ${size - 8}`, role: "img", "aria-label": label },
    draw("path", { class: "grid", fill: "none", d: `M${edge} 4V${size - edge}H${size - 4}` }),
    draw("line", { class: "axis", x1: edge, y1: up(scale.low), x2: size - 4, y2: up(scale.high) }),
    joined && draw("path", { class: "front-line", d: line }),
    dots.map(({ x, y, name, r, title }) =>
      draw("circle", { class: name, r, cx: across(x), cy: up(y) }, title && draw("title", {}, title)),
    ),
    ends.map((tick) => text({ x: across(tick), y: size - edge + 15 }, writeTick(SHARE, tick))),
    ends.map((tick) => text({ x: edge - 5, y: up(tick) + 4, "text-anchor": "end" }, writeTick(SHARE, tick))),
    text({ x: (edge + size) / 2, y: size - edge + 31 }, `${titles[0]} (%)`),
    text({ x: 9, y: (size - edge) / 2, transform: `rotate(-90 9 ${(size - edge) / 2})` }, `${titles[1]} (%)`),
  );
}

const SHARE = { format: "percent" };
