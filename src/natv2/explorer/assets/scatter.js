// The plot of any two measures: archive, fronts, finished and plain networks, intervals.

const PLOT = { left: 62, right: 18, top: 14, bottom: 46, height: 470 };

function drawScatter() {
  const width = Math.max(320, byId("scatter").clientWidth || 760);
  const { left, right, top, bottom, height } = PLOT;
  const kinds = { found: drawn("found"), finished: drawn("finished"), plain: drawn("plain") };
  const others = state.second
    ? ["found", "finished"].flatMap((kind) => drawn(kind, state.second.networks))
    : [];
  const all = [...Object.values(kinds).flat(), ...others];
  const label = `${axis("y").title} against ${lower(axis("x").title)}`;
  const svg = draw("svg", {
    width: "100%",
    viewBox: `0 0 ${width} ${height}`,
    role: "group",
    "aria-label": label,
  });
  if (!all.length) {
    const middle = { x: width / 2, y: height / 2, "text-anchor": "middle" };
    svg.append(draw("text", middle, "No network has both of these."));
    refill(byId("scatter"), svg);
    return;
  }
  const values = (which) => all.map((each) => each.values[state[which]]);
  const scales = {
    x: scaleOf(axis("x"), values("x"), state.log.has(state.x), left, width - right),
    y: scaleOf(axis("y"), values("y"), state.log.has(state.y), height - bottom, top),
  };
  const frame = {
    class: "frame",
    x: left,
    y: top,
    width: width - left - right,
    height: height - top - bottom,
  };
  const fronts = { found: frontOf("found"), finished: frontOf("finished") };
  svg.addEventListener("pointerdown", (event) => startBox(event, svg, scales));
  svg.append(
    drawGrid(scales, width),
    draw("rect", frame),
    drawShades(scales, width),
    drawSteps(fronts.found, scales, "front-line"),
    drawSteps(fronts.finished, scales, "finished-line"),
    ...(others.length ? [drawSecond(others, scales)] : []),
    drawMarks(drawNetworks(kinds, fronts, scales, width)),
    ...(state.box ? [drawBox(scales)] : []),
    drawLimitHandles(scales, width, svg),
  );
  refill(byId("scatter"), svg);
}

/** All networks: one place for the focus, from which the arrow keys go through them. */
function drawMarks(marks) {
  const attributes = {
    tabindex: 0,
    role: "listbox",
    "aria-label": "Networks: arrow keys go from one to the next",
    "aria-activedescendant": state.chosen === null ? null : `network-${state.chosen}`,
    "data-key": "networks",
    keydown: walk,
  };
  return draw("g", attributes, marks);
}

function drawGrid(scales, width) {
  const { left, right, top, bottom, height } = PLOT;
  const floor = height - bottom;
  const group = draw("g", {});
  for (const tick of scales.x.ticks) {
    const x = scales.x.at(tick);
    group.append(
      draw("line", { class: "grid", x1: x, x2: x, y1: top, y2: floor }),
      draw("text", { class: "quiet", x, y: floor + 17, "text-anchor": "middle" }, writeTick(axis("x"), tick)),
    );
  }
  for (const tick of scales.y.ticks) {
    const y = scales.y.at(tick);
    group.append(
      draw("line", { class: "grid", x1: left, x2: width - right, y1: y, y2: y }),
      draw(
        "text",
        { class: "quiet", x: left - 8, y: y + 4, "text-anchor": "end" },
        writeTick(axis("y"), tick),
      ),
    );
  }
  const middle = (top + floor) / 2;
  const turned = { x: 14, y: middle, "text-anchor": "middle", transform: `rotate(-90 14 ${middle})` };
  group.append(
    draw("line", { class: "axis", x1: left, x2: width - right, y1: floor, y2: floor }),
    draw("text", { x: (left + width - right) / 2, y: height - 6, "text-anchor": "middle" }, axisTitle("x")),
    draw("text", turned, axisTitle("y")),
  );
  return group;
}

function axisTitle(which) {
  return axis(which).title + (axis(which).format === "percent" ? " (%)" : "");
}

/** The step line through a front: what is to be had at each value of the first axis. */
function drawSteps(front, scales, name) {
  const at = front.map((each) => [scales.x.at(each.values[state.x]), scales.y.at(each.values[state.y])]);
  const path = at.map(([x, y], i) => (i ? `H${x}V${y}` : `M${x} ${y}`)).join("");
  return draw("path", { class: name, d: path });
}
