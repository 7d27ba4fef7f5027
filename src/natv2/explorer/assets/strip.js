// The strip on top: the search in short.

function drawStrip() {
  const { images, search, hypervolume, predictor } = DATA;
  byId("title").replaceChildren(named(DATA.title));
  const constraints = Object.entries(DATA.limits).map(
    ([name, limit]) =>
      `${MEASURES.get(name)?.title || name} ${MEASURES.get(name)?.better === "more" ? "≥" : "≤"} ${MEASURES.has(name) ? write(MEASURES.get(name), limit) : limit}`,
  );
  byId("subtitle").replaceChildren(
    named(
      [
        `preset ${search.preset}`,
        `supernets trained on ${search.source}`,
        plural(DATA.turns, "turn"),
        ...constraints,
      ].join(", "),
    ),
  );
  byId("verdict").replaceChildren(...(DATA.verdict ? [named(DATA.verdict)] : []));
  const facts = [
    images &&
      fact(
        "Images",
        named(images.name),
        `${images.train.toLocaleString("en")} train, ${images.valid.toLocaleString("en")} validate, ${images.test.toLocaleString("en")} test; ${plural(images.classes.length, "class", "classes")}; fingerprint ${images.fingerprint.slice(0, 12)}`,
      ),
    fact("Seed", String(search.seed), search.settings ? `settings ${search.settings}` : ""),
    hypervolume &&
      fact("Hypervolume", hypervolume.value.toFixed(4), `of the box up to ${reference(hypervolume)}`),
    predictor &&
      fact(
        "Kendall's tau of the predictor",
        predictor.tau.toFixed(2),
        `${predictor.low === undefined ? "" : `${predictor.low.toFixed(2)} to ${predictor.high.toFixed(2)}, `}${predictor.name}, last turn, cross-validated`,
      ),
    answer(
      "Beats plain networks?",
      "none was tested beside them: pipeline baselines trains some",
      NETWORKS.filter((each) => each.kind === "finished").map((each) => each.finished?.gains || []),
    ),
    answer(
      "Beats random candidates?",
      "none was tested beside them: baselines.random=1 trains some",
      Object.values(DATA.beside.random || {}),
    ),
    DATA.beside.pretrained &&
      answer("Beats fine-tuned ImageNet networks?", "", Object.values(DATA.beside.pretrained)),
  ];
  refill(byId("strip"), facts);
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
    return `${measure.title} ${write(measure, value)}`;
  });
  return told.join(", ");
}

/** Yes, no, within noise, or in part: over all finished networks, at the first of the costs that were compared. */
function answer(name, missing, gains) {
  const first = gains.map((each) => each[0]).filter(Boolean);
  const known = first.filter((each) => each.gain !== undefined);
  if (!known.length)
    return fact(name, "not known", first.length ? "none is small enough to stand beside" : missing);
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
