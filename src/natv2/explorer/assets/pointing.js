// What a pointer and the keys do in the plot: hints, the box that is dragged, going from network to network; labels.

/** What is at the pointer; of a `pile` at one place it names the one that is chosen, as the panel does. */
function showHint(event, network, pile = [network]) {
  hideHint();
  const told = pile.find((each) => each.index === state.chosen) || network;
  const lines = [
    title(told),
    `${axis("y").title}: ${write(axis("y"), told.values[state.y])}`,
    `${axis("x").title}: ${write(axis("x"), told.values[state.x])}`,
  ];
  if (pile.length > 1) lines.push(`${pile.length} networks lie here: each click shows the next`);
  const hint = make(
    "div",
    { class: "hint" },
    lines.map((line) => make("div", {}, named(line))),
  );
  document.body.append(hint);
  const { width, height } = hint.getBoundingClientRect();
  hint.style.left = `${Math.max(4, Math.min(event.clientX + 14, innerWidth - width - 8))}px`;
  hint.style.top = `${Math.max(4, event.clientY - height - 12)}px`;
}

function hideHint() {
  document.querySelectorAll(".hint").forEach((each) => each.remove());
}

/** Where a pointer is in the units of `svg`. */
function pointIn(svg, event) {
  const box = svg.getBoundingClientRect(),
    view = svg.viewBox.baseVal;
  return {
    x: ((event.clientX - box.left) / box.width) * view.width,
    y: ((event.clientY - box.top) / box.height) * view.height,
  };
}

/** Call `moved` with each place of the pointer until it is let go, then `ended`. */
function dragging(event, svg, moved, ended = () => {}) {
  event.preventDefault();
  const box = { getBoundingClientRect: () => rectangle, viewBox: svg.viewBox };
  const rectangle = svg.getBoundingClientRect(); // svg itself is drawn anew meanwhile
  const move = (next) => moved(pointIn(box, next));
  const end = () => {
    window.removeEventListener("pointermove", move);
    window.removeEventListener("pointerup", end);
    window.removeEventListener("pointercancel", end);
    ended();
  };
  window.addEventListener("pointermove", move);
  window.addEventListener("pointerup", end);
  window.addEventListener("pointercancel", end);
}

/** Drag a box over networks to keep these; a click beside them lets the box go. */
function startBox(event, svg, scales) {
  if (event.target.closest(".limit-handle")) return;
  const beside = !event.target.closest(".network");
  const start = pointIn(svg, event);
  let moved = false;
  const follow = (point) => {
    moved ||= Math.hypot(point.x - start.x, point.y - start.y) >= 5;
    if (!moved) return; // a click is no box
    hideHint();
    const range = (which) =>
      [scales[which].value(start[which]), scales[which].value(point[which])].sort((a, b) => a - b);
    state.box = { x: range("x"), y: range("y") };
    changed();
  };
  dragging(event, svg, follow, () => {
    if (moved || !beside) return;
    state.box = null;
    changed();
  });
}

function drawBox(scales) {
  const [x1, x2] = state.box.x.map((value) => clamped(scales.x, value)),
    [y2, y1] = state.box.y.map((value) => clamped(scales.y, value));
  return draw("rect", {
    class: "box",
    x: x1,
    y: y1,
    width: Math.max(0, x2 - x1),
    height: Math.max(0, y2 - y1),
    "pointer-events": "none",
  });
}

/** The arrow keys go to the next network by the first axis, page keys ten further, Home and End to the ends. */
function walk(event) {
  const ordered = [...drawn("found"), ...drawn("finished"), ...drawn("plain")].filter(lit);
  ordered.sort(
    (one, other) =>
      one.values[state.x] - other.values[state.x] || one.values[state.y] - other.values[state.y],
  );
  const steps = {
    ArrowRight: 1,
    ArrowUp: 1,
    ArrowLeft: -1,
    ArrowDown: -1,
    PageUp: 10,
    PageDown: -10,
    Home: -Infinity,
    End: Infinity,
  };
  if (!(event.key in steps) || !ordered.length) return;
  event.preventDefault();
  const now = ordered.findIndex((each) => each.index === state.chosen);
  const next = now < 0 ? 0 : Math.min(ordered.length - 1, Math.max(0, now + steps[event.key]));
  choose(ordered[next].index);
}
