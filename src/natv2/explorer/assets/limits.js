// Limits: lines in the plot that are dragged, the same as sliders, and in words what is left and what to take.

const ROOM = 0.5; // pixels beyond the end of a scale at which a line bounds nothing

/** What a limit does not allow, of both axes. */
function drawShades(scales, width) {
  const { left, right, top, bottom, height } = PLOT;
  const group = draw("g", { id: "shades" });
  group.append(
    draw(
      "defs",
      {},
      draw(
        "pattern",
        { id: "hatch", width: 7, height: 7, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
        draw("line", { class: "hatch", x1: 0, x2: 0, y1: 0, y2: 7 }),
      ),
    ),
  );
  const shade = (x, y, w, h) => {
    const area = { x, y, width: Math.max(0, w), height: Math.max(0, h) };
    return [
      draw("rect", { class: "shade", ...area }),
      draw("rect", { fill: "url(#hatch)", "pointer-events": "none", opacity: 0.5, ...area }),
    ];
  };
  for (const which of ["x", "y"]) {
    const limit = state.limits.get(state[which]);
    if (limit === undefined || (which === "y" && state.x === state.y)) continue;
    const at = clamped(scales[which], limit),
      more = axis(which).better === "more";
    if (which === "x")
      group.append(
        ...(more
          ? shade(left, top, at - left, height - top - bottom)
          : shade(at, top, width - right - at, height - top - bottom)),
      );
    else
      group.append(
        ...(more
          ? shade(left, at, width - left - right, height - bottom - at)
          : shade(left, top, width - left - right, at - top)),
      );
  }
  return group;
}

function drawLimitHandles(scales, width, svg) {
  return draw(
    "g",
    {},
    ["x", "y"].map((which) => drawLimitHandle(which, scales, width, svg)),
  );
}

/** A line with a grip; without a limit it waits at the end of the axis where it would bound nothing. */
function drawLimitHandle(which, scales, width, svg) {
  const { left, right, top, bottom, height } = PLOT;
  const measure = axis(which),
    scale = scales[which],
    limit = state.limits.get(measure.name);
  const end = scale.at(measure.better === "more" ? scale.low : scale.high);
  const at = limit === undefined ? end : clamped(scale, limit);
  const line =
    which === "x"
      ? { x1: at, x2: at, y1: top, y2: height - bottom }
      : { x1: left, x2: width - right, y1: at, y2: at };
  const grip = which === "x" ? { cx: at, cy: top + 9 } : { cx: width - right - 9, cy: at };
  const move = (point) => {
    const pixel = point[which];
    const beyond =
      (pixel - end) *
        (measure.better === "more"
          ? scale.at(scale.low) - scale.at(scale.high)
          : scale.at(scale.high) - scale.at(scale.low)) >
      -ROOM;
    setLimit(measure.name, beyond ? null : scale.value(pixel));
  };
  return draw(
    "g",
    {
      class: `limit-handle${limit === undefined ? " idle" : ""}`,
      "data-which": which,
      "data-key": `limit-${which}`,
      tabindex: 0,
      role: "slider",
      "aria-orientation": which === "x" ? "horizontal" : "vertical",
      "aria-label": `${measure.better === "more" ? "Least" : "Most"} ${lower(measure.title)}`,
      "aria-valuetext": limit === undefined ? "no limit" : write(measure, limit),
      "aria-valuenow": at,
      pointerdown: (event) => dragging(event, svg, move),
      keydown: (event) => nudge(event, which, scale, at, move),
    },
    draw("title", {}, `Drag: ${measure.better === "more" ? "least" : "most"} ${lower(measure.title)}`),
    draw("line", { class: "grip-area", stroke: "transparent", "stroke-width": 12, ...line }),
    draw("line", { class: "limit", "pointer-events": "none", ...line }),
    draw("circle", { class: "grip", r: 6, ...grip }),
  );
}

function nudge(event, which, scale, at, move) {
  const step = event.shiftKey ? 25 : 5;
  const by =
    which === "x"
      ? { ArrowLeft: -step, ArrowRight: step }[event.key]
      : { ArrowUp: -step, ArrowDown: step }[event.key];
  if (by === undefined) return;
  event.preventDefault();
  move({ [which]: at + by });
}

/** Bound a measure, or let it go (null). */
function setLimit(name, value) {
  if (value === null) state.limits.delete(name);
  else state.limits.set(name, value);
  changed();
}

/** A slider for every measure in which networks differ. */
function drawLimits() {
  const rows = DATA.measures.map(limitRow).filter(Boolean);
  const active = document.activeElement;
  if (active?.type === "range" && byId("limits").contains(active)) updateLimits(rows, active);
  else refill(byId("limits"), rows);
}

function limitRow(measure) {
  const known = NETWORKS.map((each) => each.values[measure.name]).filter((value) => value !== undefined);
  if (new Set(known).size < 2) return null;
  const scale = scaleOf(measure, known, measure.format !== "percent", 0, 1000);
  const limit = state.limits.get(measure.name);
  const idle = limit === undefined;
  const none = measure.better === "more" ? 0 : 1000;
  const input = make("input", {
    ...{ type: "range", min: 0, max: 1000, step: 1, id: `limit-${measure.name}` },
    "data-key": `slider-${measure.name}`,
    "aria-valuetext": idle ? "no limit" : write(measure, limit),
    input: () =>
      setLimit(measure.name, Number(input.value) === none ? null : scale.value(Number(input.value))),
  });
  input.value = idle ? none : Math.round(scale.at(limit));
  const name = make("label", { for: `limit-${measure.name}` }, measure.title);
  const told = make("output", { class: idle ? "quiet" : "" }, idle ? "any" : bound(measure, limit));
  return make("div", { class: `limit-row${idle ? " idle" : ""}` }, name, told, input);
}

/** Say what the new `rows` say in those that are there: a slider that is being dragged must stay the same. */
function updateLimits(rows, active) {
  rows.forEach((row, i) => {
    const old = byId("limits").children[i];
    const [now, next] = [old, row].map((each) => each.querySelector("input"));
    old.className = row.className;
    old.querySelector("output").replaceWith(row.querySelector("output"));
    if (now !== active) now.value = next.value;
    now.setAttribute("aria-valuetext", next.getAttribute("aria-valuetext"));
  });
}

/** How many are left, which one to take, and what the next better costs. */
function drawWords() {
  const limits = boundsInWords(state.limits);
  const parts = ["found", "finished"]
    .map((kind) => [kind, NETWORKS.filter((each) => each.kind === kind)])
    .filter(([, all]) => all.length);
  const counts = parts
    .map(([kind, all]) => `${all.filter(feasible).length} of ${all.length} ${kind}`)
    .join(" and ");
  const meet = limits.length
    ? `${counts} networks meet ${limits.join(" and ")}.`
    : `No limits: ${parts.map(([kind, all]) => `${all.length} ${kind}`).join(" and ")} networks.`;
  refill(byId("words"), meet, " ", pickInWords(picked()));
}

function pickInWords(found) {
  if (!found) return roles() ? ["Nothing can be taken: loosen a limit."] : [];
  const { pick, best, near, next, cost, accuracy, count, kind } = found;
  const share = (network) => write(accuracy, network.values[accuracy.name]);
  const noise = `within noise of the best (${share(best)}; 95 %, ${plural(count, "image")})`;
  const why = pick === best ? "the most accurate" : `the cheapest of ${near.length} that are ${noise}`;
  const what = `${share(pick)} ${lower(accuracy.title)} with ${writeWhole(cost, pick.values[cost.name])}, ${why}`;
  const first = [
    "Take ",
    toNetwork(pick),
    `: ${what}${kind === "found" ? "; it is to be finished first" : ""}.`,
  ];
  if (!next) return first;
  const dearer = next.values[cost.name] > pick.values[cost.name];
  const price = dearer ? ` and costs ${write(cost, next.values[cost.name])}` : "";
  return [...first, " The next better, ", toNetwork(next), `, has ${share(next)}${price}.`];
}

/** A network's name, which chooses it. */
function toNetwork(network) {
  const key = { type: "button", class: "link", "data-key": `words-${network.index}` };
  return make("button", { ...key, click: () => choose(network.index) }, named(title(network)));
}
