// What the plot's axes are, and whether they are logarithmic.

function drawControls() {
  const clear = make("button", { type: "button", id: "clear", click: clearAll }, "Show all");
  const intervals = checkbox("intervals", "95 % intervals", state.intervals, (on) => {
    state.intervals = on;
  });
  refill(
    byId("axes"),
    axisChoice("x", "Across"),
    logChoice("x"),
    axisChoice("y", "Up"),
    logChoice("y"),
    intervals,
    clear,
  );
}

function axisChoice(which, text) {
  const options = DATA.measures.map((each) =>
    make("option", { value: each.name, selected: each.name === state[which] }, each.title),
  );
  const choose = (event) => {
    state[which] = event.target.value;
    state.box = null;
    drawControls();
    changed();
  };
  return make(
    "label",
    {},
    text,
    make("select", { id: `axis-${which}`, "data-key": `axis-${which}`, change: choose }, options),
  );
}

/** Of a share it is the logarithm of its error. */
function logChoice(which) {
  return checkbox(`log-${which}`, "log", state.log.has(state[which]), (on) => {
    if (on) state.log.add(state[which]);
    else state.log.delete(state[which]);
  });
}

function checkbox(id, text, checked, set) {
  const change = (event) => {
    set(event.target.checked);
    changed();
  };
  return make("label", {}, make("input", { type: "checkbox", id, checked, change }), text);
}

function clearAll() {
  state.box = null;
  state.brushes.clear();
  changed();
}
