// The same as rows: for those who read them, print them or have them read.

function drawTable() {
  const front = new Set(frontOf("found"));
  const rows = NETWORKS.filter((each) => each.kind !== "found" || front.has(each)).filter(lit);
  const rank = { finished: 0, found: 1, plain: 2 };
  rows.sort(
    (one, other) =>
      rank[one.kind] - rank[other.kind] || (other.values[state.y] ?? 0) - (one.values[state.y] ?? 0),
  );
  const head = make(
    "tr",
    {},
    make("th", {}, "Network"),
    make("th", {}, "Kind"),
    DATA.measures.map((each) => make("th", {}, each.title)),
  );
  const body = rows.map((network) =>
    make(
      "tr",
      {
        class: `pickable${network.index === state.chosen ? " chosen" : ""}`,
        click: () => choose(network.index),
      },
      make("td", {}, named(title(network))),
      make("td", {}, network.kind === "found" ? "found, front" : network.kind),
      DATA.measures.map((each) => make("td", {}, write(each, network.values[each.name]))),
    ),
  );
  refill(byId("table").querySelector(".rows"), make("table", {}, head, body));
}

function drawAbout() {
  const said = [
    "Grey circles are the networks of the archive, as the search last measured them on validation images; blue dots and the line are those that nothing beats on the two measures shown. Rings are finished networks, crosses plain ones beside them. Corner marks are around the one to take.",
    "Lines through points are 95 % intervals (Wilson) from the number of images. A filled grey circle is within noise of the best network that costs no more: the 95 % interval of their difference (Newcombe, unpaired, so rather wide) has 0 in it. Networks were chosen by validation images: what is best there is a little lower on others.",
    ...DATA.remarks,
  ];
  const versions = Object.entries(DATA.versions).map(([name, version]) =>
    make("tr", {}, make("td", {}, named(name)), make("td", {}, named(version))),
  );
  refill(
    byId("about").querySelector("div"),
    said.map((text) => make("p", {}, text)),
    make(
      "table",
      {},
      make("tr", {}, make("th", {}, "Entry of the catalog"), make("th", {}, "Version")),
      versions,
    ),
  );
}

function drawLegend() {
  const icon = (...shapes) =>
    draw("svg", { width: 22, height: 16, viewBox: "-11 -8 22 16", "aria-hidden": "true" }, shapes);
  const circle = (name, r) => draw("circle", { class: name, r });
  const entries = [
    [icon(circle("found", 3.4)), "archive"],
    [icon(circle("found near", 3.4)), "within noise of the best at its cost"],
    [icon(draw("path", { class: "front-line", d: "M-10 3H10" }), circle("front", 4.5)), "front"],
    [icon(circle("ring", 7), circle("finished", 3.6)), "finished"],
    [icon(draw("path", { class: "plain", d: "M-5 -5L5 5M-5 5L5 -5" })), "plain"],
    [icon(draw("path", { class: "pick", d: "M-7 -3v-4h4M3 -7h4v4M7 3v4h-4M-3 7h-4v-4" })), "to take"],
  ];
  refill(
    byId("legend"),
    entries.map(([drawing, text]) => make("span", {}, drawing, text)),
  );
}
