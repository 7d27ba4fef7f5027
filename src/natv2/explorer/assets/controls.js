// What the plot's axes are, and whether they are logarithmic.

function drawControls() {
  const options = (which) =>
    DATA.measures.map((each) =>
      make("option", { value: each.name, selected: each.name === state[which] }, each.title),
    );
  const select = (which, text) =>
    make(
      "label",
      {},
      text,
      make(
        "select",
        {
          id: `axis-${which}`,
          change: (event) => {
            state[which] = event.target.value;
            state.box = null;
            drawControls();
            changed();
          },
        },
        options(which),
      ),
    );
  const log = (which) => {
    return make(
      "label",
      {},
      make("input", {
        type: "checkbox",
        id: `log-${which}`,
        checked: state.log.has(state[which]),
        change: (event) => {
          state.log[event.target.checked ? "add" : "delete"](state[which]);
          changed();
        },
      }),
      "log",
    );
  };
  const intervals = make(
    "label",
    {},
    make("input", {
      type: "checkbox",
      id: "intervals",
      checked: state.intervals,
      change: (event) => {
        state.intervals = event.target.checked;
        changed();
      },
    }),
    "95 % intervals",
  );
  const clear = make("button", { type: "button", id: "clear", click: clearAll }, "Show all");
  refill(byId("axes"), select("x", "Across"), log("x"), select("y", "Up"), log("y"), intervals, clear);
}

function clearAll() {
  state.box = null;
  state.brushes.clear();
  changed();
}
