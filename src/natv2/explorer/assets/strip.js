// The strip on top: the search in short.

function drawStrip() {
  const { images, search, hypervolume, predictor, beside } = DATA;
  const gains = NETWORKS.filter((each) => each.kind === "finished").map((each) => each.finished?.gains || []);
  const missing = "none was tested beside them";
  refill(byId("strip"), [
    images && fact("Images", named(images.name), imagesInWords(images)),
    fact("Seed", String(search.seed), search.settings ? `settings ${search.settings}` : ""),
    hypervolume &&
      fact("Hypervolume", hypervolume.value.toFixed(4), `of the box up to ${reference(hypervolume)}`),
    predictor &&
      fact("Kendall's tau of the predictor", predictor.tau.toFixed(2), predictorInWords(predictor)),
    answer("Beats plain networks?", `${missing}: pipeline baselines trains some`, gains),
    answer(
      "Beats random candidates?",
      `${missing}: baselines.random=1 trains some`,
      Object.values(beside.random || {}),
    ),
    beside.pretrained &&
      answer("Beats fine-tuned ImageNet networks?", missing, Object.values(beside.pretrained)),
  ]);
}

/** Above and below the strip: what was searched, how, and the verdict. */
function drawHeader() {
  const { search, turns, verdict, limits, remarks } = DATA;
  const told = [`preset ${search.preset}`, `supernets trained on ${search.source}`, plural(turns, "turn")];
  byId("title").replaceChildren(named(DATA.title));
  byId("subtitle").replaceChildren(named([...told, ...boundsInWords(Object.entries(limits))].join(", ")));
  byId("verdict").replaceChildren(named(verdict || remarks.join(" ")));
}

function imagesInWords({ train, valid, test, classes, fingerprint }) {
  const [training, validating, testing] = [train, valid, test].map((count) => count.toLocaleString("en"));
  const counts = `${training} train, ${validating} validate, ${testing} test`;
  return `${counts}; ${plural(classes.length, "class", "classes")}; fingerprint ${fingerprint.slice(0, 12)}`;
}

function predictorInWords({ name, low, high }) {
  const interval = low === undefined || high === undefined ? "" : `${low.toFixed(2)} to ${high.toFixed(2)}, `;
  return `${interval}${name}, last turn, cross-validated`;
}

function fact(name, value, note, kind = "") {
  return make(
    "div",
    { class: "fact" },
    make("div", { class: "name" }, name),
    make("div", { class: `value answer ${kind}` }, value),
    make("div", { class: "note" }, named(note)),
  );
}

/** The reference point in the units of the plot; accuracy is kept as an error, what is to be more as less. */
function reference({ reference: values }) {
  const told = DATA.search.objectives.map((name, i) => {
    const measure = MEASURES.get(name);
    if (!measure) return `${name} ${values[i]}`;
    const value = name === "accuracy" ? 1 - values[i] : asCost(measure, values[i]);
    return writeWhole(measure, value);
  });
  return told.join(", ");
}

/** Yes, no, within noise, or in part: over all finished networks, at the first of the costs that were compared. */
function answer(name, missing, gains) {
  const first = gains.map((each) => each[0]).filter(Boolean);
  const known = first.filter((each) => each.gain !== undefined);
  if (!known.length)
    return fact(name, "not known", first.length ? "there is none of at most their cost" : missing);
  const wins = known.filter((each) => each.low > 0).length;
  const losses = known.filter((each) => each.high < 0).length;
  const noise = known.length - wins - losses;
  const parts = [
    `${wins} of ${known.length} better`,
    losses && `${losses} worse`,
    noise && `${noise} within noise`,
  ];
  const cost = lower(MEASURES.get(known[0].cost)?.title || known[0].cost);
  const note = `${parts.filter(Boolean).join(", ")} at no more ${cost}; test images, 95 %`;
  if (wins && losses) return fact(name, "in part", note);
  if (wins) return fact(name, "yes", note, "yes");
  return losses ? fact(name, "no", note, "no") : fact(name, "within noise", note);
}
