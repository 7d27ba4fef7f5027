"""What happens around a run: typed parameters, checks, resuming, the MLflow run (see lazy_hooks)."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import torch
from kedro.framework.context import KedroContext
from kedro.framework.project import settings
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from natv2.catalog.state_store import PROGRESS, progress_of
from natv2.devices import resolve
from natv2.errors import says_what_to_do
from natv2.images.look import ImageReport
from natv2.ranks.sizing import start_ranks, with_ranks
from natv2.ranks.together import use
from natv2.run import Run
from natv2.runs.checking import validate_parameters
from natv2.runs.ending import end_well
from natv2.runs.folders import check_folder
from natv2.runs.following import following_source
from natv2.runs.inputs import chosen_inputs
from natv2.runs.lineage import METRIC, Record, Recorder
from natv2.runs.mlflow_datasets import images_read
from natv2.runs.naming import catalog_names, readable_names
from natv2.runs.needs import needs_of
from natv2.runs.node_per_rank import NodePerRank
from natv2.runs.pace import Pace
from natv2.runs.parameters import Parameters
from natv2.runs.planned import planned
from natv2.runs.report import report
from natv2.runs.resume import ResumableRun, identity_of_run, open_run
from natv2.runs.room import check_needs
from natv2.runs.run_kinds import run_tags, run_title
from natv2.runs.skipped_phases import said_of_skipped, skipped_phases
from natv2.runs.summary import told
from natv2.runs.tracking import Ending, TrackedRun, git_commit, start_tracking
from natv2.runs.used_parameters import used_parameters
from natv2.shrinking.config import Training
from natv2.training.state_store import StateStore

if TYPE_CHECKING:
    from natv2.runs.time_left import TimeLeft

logger = logging.getLogger(__name__)


class RunHooks:
    """Kedro's hooks of this project; one run at a time."""

    def __init__(self) -> None:
        self._parameters: Parameters | None = None
        self._computing, self._ranks = Run(), 1
        self._resumable: ResumableRun | None = None
        self._run: TrackedRun | None = None
        self._recorder: Recorder | None = None
        self._looks: dict[str, ImageReport] = {}
        self._pace, self._per_rank = Pace((), Path()), NodePerRank(Pipeline([]), Run())
        self._time_left: TimeLeft | None = None
        self._skipped: dict[str, str] = {}
        self._saved: dict[str, Any] = {}
        self._kept: set[str] = set()
        self._folder = ""

    def after_context_created(self, context: KedroContext) -> None:
        """Check the parameters whole, and let the catalog's paths follow them.

        A path says ${runtime_params:supernet, ...}; a supernet named in a file must count there too.
        """
        given = context.config_loader.runtime_params or {}
        self._parameters = validate_parameters(following_source(context.config_loader["parameters"], given))
        self._folder = context.config_loader["globals"]["folder"]
        check_folder(self._folder)
        run = resolve(Run.part_of(self._parameters))
        self._computing = with_ranks(run, self._parameters.largest_batch())
        values = self._parameters.model_dump() | self._parameters.blocks(self._computing)
        named = catalog_names(self._parameters)
        loader = type(context.config_loader)(
            conf_source=context.config_loader.conf_source,
            env=context.env,
            runtime_params={**given, **named},
            **settings.CONFIG_LOADER_ARGS,
        )
        loader["parameters"] = values
        context.config_loader = loader

    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: CatalogProtocol[Any, Any]
    ) -> None:
        """Check what can be checked, then open the resumable run and its MLflow run."""
        if self._parameters is None:
            raise RuntimeError("a pipeline run needs a Kedro context")
        self.stop("KILLED")  # what an interrupted notebook cell left open
        if self._computing.threads is not None:
            torch.set_num_threads(self._computing.threads)
        env = run_params["env"]
        runtime_params = run_params["runtime_params"] or {}
        project = Path(run_params["project_path"])
        inputs = chosen_inputs(
            pipeline, catalog, self._parameters, project=project, env=env, runtime_params=runtime_params
        )
        identity = identity_of_run(pipeline, catalog, env or "local", self._parameters, self._computing)
        identity["images"] = inputs.looks
        # What the catalog keeps is worth keeping with the run; what passes from node to node is not.
        made = (name for name in pipeline.all_outputs() if name in catalog)
        self._kept = {name for name in made if told(catalog, name).get("mlflow", True)}
        store = progress_of(catalog)
        self._resumable = open_run(store.root, identity, fresh=self._parameters.fresh)
        training = Training.part_of(self._parameters)
        self._skipped, self._saved = skipped_phases(pipeline, training), {}
        try:
            needs = needs_of(pipeline, catalog, self._parameters, self._computing)
            check_needs(needs, progress=store.root, resumed=self._resumable.folder, run=self._computing)
            if PROGRESS in pipeline.inputs():
                automatic = self._parameters.workers == "auto"
                self._ranks = start_ranks(self._computing, self._resumable.folder, automatic=automatic)
            resumed = self._resumable.tracking_run is not None
            expected_s = self._shorten(pipeline, catalog)
            self._start_run(run_params, identity, used_parameters(pipeline, self._parameters))
        except BaseException:
            use(None)
            self._resumable.leave()
            self._resumable = None
            raise
        assert self._run is not None
        about = Record(
            run=run_params["run_id"],
            tracking_run=self._run.id,
            pipeline=_name(run_params),
            facts={METRIC: self._parameters.metric},
            asked=dict(inputs.asked),
            names=readable_names(self._parameters, self._folder),
            ranks=self._ranks,
        )
        self._recorder = Recorder(catalog, project, about, inputs.records)
        steps = [node.name for node in pipeline.nodes if node.name not in self._skipped]
        kept = project / "data/08_reporting" / self._folder / "pace"
        plans = {} if expected_s is not None else planned(steps, catalog, self._parameters, self._ranks)
        self._pace = Pace(
            steps, kept, resumed=resumed, ranks=self._ranks, planned=plans, expected_s=expected_s
        )
        self._per_rank = NodePerRank(pipeline, self._computing, self._skipped)
        store.folder = self._resumable.folder
        self._looks = images_read(pipeline, catalog)
        self._run.read(self._looks)
        if self._skipped:
            logger.info("%s", said_of_skipped(self._skipped, training))

    def _shorten(self, pipeline: Pipeline, catalog: CatalogProtocol[Any, Any]) -> float | None:
        """Give the nodes as many epochs as the budget allows; the seconds that all then takes, if any."""
        assert self._parameters is not None and self._resumable is not None
        self._time_left = None
        if self._parameters.budget is None:
            return None
        from natv2.runs.time_left import TimeLeft  # with all methods: only where asked for

        kept = StateStore(self._resumable.folder / "budget", "budget")
        self._time_left = TimeLeft(self._parameters, pipeline, catalog, self._computing, kept)
        self._parameters = self._time_left.parameters
        return self._time_left.expected_s

    def _start_run(self, run_params: dict[str, Any], identity: dict[str, Any], used: dict[str, Any]) -> None:
        assert self._parameters is not None and self._resumable is not None
        project = Path(run_params["project_path"])
        name = _name(run_params)
        earlier = self._resumable.tracking_run
        self._run = start_tracking(
            project,
            run_id=earlier,
            name=run_title(name, self._parameters),
            parameters=used,
            tags={
                **run_tags(name, self._parameters),
                "env": identity["env"],
                "folder": self._folder,
                "git_commit": git_commit(project),
                "catalog_version": run_params["run_id"],
                "ranks": str(self._ranks),
            },
        )
        self._resumable.begin(identity, self._run.id, self._ranks)
        report(version=run_params["run_id"], tracking_run=self._run.id)
        if earlier is not None:
            logger.info("resumed from %s", self._resumable.folder)

    def before_node_run(
        self, node: Node, catalog: CatalogProtocol[Any, Any], inputs: dict[str, Any]
    ) -> dict[str, Any]:
        """Hand the node its own part of the store, with the tracker of the MLflow run."""
        changed = {}
        if self._time_left is not None:
            changed = self._time_left.begin(node.name, inputs, catalog)
            self._pace.expected_s = self._time_left.expected_s
        if node.name not in self._skipped:
            logger.info("%s", self._pace.begin(node.name))
        if self._resumable is None or self._run is None:
            return {}
        whole = replace(progress_of(catalog).load(), tracker=self._run.track)
        self._per_rank.begin(node, inputs, catalog, whole)
        return changed | {name: whole.child(node.name) for name in node.inputs if name == PROGRESS}

    def after_node_run(self, node: Node) -> None:
        """Know what other nodes can build on."""
        self._per_rank.end(node)

    def before_dataset_saved(self, dataset_name: str, data: Any) -> None:
        """Let tables of results say which runs they are of."""
        if self._recorder is not None and isinstance(data, pd.DataFrame):
            self._recorder.name_runs(dataset_name, data)

    def after_dataset_saved(self, dataset_name: str, data: Any, node: Node) -> None:
        """Record where it comes from; keep figures and tables with the MLflow run, for the end too."""
        if self._recorder is not None:
            self._recorder.saved(dataset_name, data, node)
        self._saved[dataset_name] = data if isinstance(data, pd.DataFrame | str) else None
        if self._run is not None and dataset_name in self._kept:
            self._run.keep(dataset_name, data)

    def after_pipeline_run(self, run_params: dict[str, Any], catalog: CatalogProtocol[Any, Any]) -> None:
        """End the MLflow run, forget what to resume (the same command starts afresh), show the results."""
        use(None)
        if self._run is not None:
            self._pace.end()
            end_well(run_params, catalog, self._saved, self._run, self._recorder, self._looks)
        if self._resumable is not None:
            self._resumable.close()
        self._run = self._resumable = None

    def on_pipeline_error(self, error: Exception) -> None:
        """End the MLflow run as failed; the same command resumes it."""
        self.stop("FAILED", repeat=not says_what_to_do(error))

    def stop(self, ending: Ending, *, repeat: bool = True) -> None:
        """End the MLflow run, if one is open, and leave the rest to the next command.

        The command line calls this on Ctrl-C, for which Kedro has no hook.
        """
        use(None)
        if self._run is not None:
            self._run.end(ending)
        if self._resumable is not None:
            self._resumable.leave()
            if repeat:
                logger.info("give the same command again to resume from the last finished epoch or turn")
        self._run = self._resumable = None


def _name(run_params: dict[str, Any]) -> str:
    return "+".join(run_params["pipeline_names"] or ["__default__"])
