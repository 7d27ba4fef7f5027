// Another search's page dropped on this one: both fronts, and the difference of their hypervolumes on one scale.

function drawDrop() {
  const input = make("input", {
    type: "file",
    accept: ".html,text/html",
    id: "second-file",
    change: (event) => read(event.target.files[0]),
  });
  byId("drop").replaceChildren(
    make(
      "label",
      { for: "second-file" },
      "Drop the explorer.html of another search anywhere on this page, or choose it: ",
    ),
    input,
  );
  for (const name of ["dragover", "dragenter"])
    window.addEventListener(name, (event) => {
      event.preventDefault();
      document.body.classList.add("dragging");
    });
  for (const name of ["dragleave", "drop"])
    window.addEventListener(name, () => document.body.classList.remove("dragging"));
  window.addEventListener("drop", (event) => {
    event.preventDefault();
    read(event.dataTransfer.files[0]);
  });
}

async function read(file) {
  if (file) compare(await file.text(), file.name);
}

/** Take the data out of another page's text; nothing in it is run. */
function compare(text, name) {
  const say = (words) => {
    state.second = null;
    byId("compared").replaceChildren(make("p", {}, named(words)));
    changed();
  };
  let data;
  try {
    data = JSON.parse(new DOMParser().parseFromString(text, "text/html").getElementById("data").textContent);
  } catch {
    return say(`${name} is not an explorer of natv2.`);
  }
  if (data.format !== DATA.format || !Array.isArray(data.networks))
    return say(
      `${name} is of another version (format ${data.format}, here ${DATA.format}): run natv2 again to renew it.`,
    );
  if (data.search.metric !== DATA.search.metric)
    return say(
      `${name} is of a search by ${metricOf(data)}, this one is by ${metricOf(DATA)}: they cannot be compared.`,
    );
  state.second = data;
  changed();
}

/** What a search calls accuracy: top-1 where it does not say. */
function metricOf(data) {
  return data.search.metric === "macro" ? "macro accuracy" : "top-1";
}

function drawSecond(networks, scales) {
  const front = paretoFront(
    networks.filter((each) => each.kind === "found"),
    axis("x"),
    axis("y"),
  );
  const marks = networks
    .filter((each) => each.kind === "finished" || front.includes(each))
    .map((network) => {
      const x = scales.x.at(network.values[state.x]),
        y = scales.y.at(network.values[state.y]);
      return draw("path", {
        class: "other",
        transform: `translate(${x} ${y})`,
        d: network.kind === "finished" ? "M0 -8L8 0L0 8L-8 0Z" : "M0 -5L5 0L0 5L-5 0Z",
        pointerenter: (event) => showHint(event, { ...network, name: `${network.name} of the other` }),
        pointerleave: hideHint,
      });
    });
  return draw("g", { id: "other" }, drawSteps(front, scales, "other-line"), marks);
}

/** Hypervolumes of both searches' found networks in both measures, in the box that both share. */
function volumes(one, other) {
  const cost = (network) => [
    asCost(axis("x"), network.values[state.x]),
    asCost(axis("y"), network.values[state.y]),
  ];
  const costs = [one, other].map((networks) => paretoFront(networks, axis("x"), axis("y")).map(cost));
  const { ideal, reference } = commonBox(costs.flat());
  return costs.map((each) => hypervolume(each, ideal, reference));
}

function drawCompared() {
  if (!state.second) return;
  const sets = [NETWORKS, state.second.networks].map((networks) => drawn("found", networks));
  const about = make(
    "p",
    {},
    "Green diamonds and the dotted line in the plot are of ",
    named(state.second.title),
    `, preset ${state.second.search.preset}, seed ${state.second.search.seed}.`,
  );
  const remarks = [];
  if (state.second.images && DATA.images && state.second.images.fingerprint !== DATA.images.fingerprint)
    remarks.push("They are for other images: their accuracies cannot be compared.");
  if (!sets[0].length || !sets[1].length) {
    byId("compared").replaceChildren(about, make("p", {}, "They have no networks with both measures."));
    return;
  }
  const [here, there] = volumes(...sets);
  const words = `Hypervolume of these two measures on one scale: ${here.toFixed(4)} here, ${there.toFixed(4)} there, a difference of ${here - there >= 0 ? "+" : "−"}${Math.abs(here - there).toFixed(4)}. The scale: 0 at a tenth beyond the worst of both fronts, 1 at their best values together.`;
  const forget = make(
    "button",
    {
      type: "button",
      click: () => {
        state.second = null;
        byId("compared").replaceChildren();
        changed();
      },
    },
    "Forget it",
  );
  byId("compared").replaceChildren(
    about,
    make("p", {}, words),
    ...remarks.map((text) => make("p", {}, text)),
    forget,
  );
}
