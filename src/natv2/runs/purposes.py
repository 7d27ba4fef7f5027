"""What each step of a run is for, in the words of who waits for it."""

from collections.abc import Mapping
from types import MappingProxyType

PURPOSES: Mapping[str, str] = MappingProxyType(
    {
        "show_images": "what was found among the images",
        "import_supernets": "checkpoints of published supernets",
        "full": "the largest network learns the images",
        "kernel": "networks with smaller kernels learn too",
        "level_1": "networks with two blocks a level learn too",
        "level_2": "networks with any blocks of a level learn too",
        **{f"exit_{number}": f"networks of exit {5 - number} learn too" for number in range(1, 5)},
        "depth_1": "networks with a level less a stage learn too",
        "depth_2": "networks of any depth learn too",
        "width_1": "narrower blocks learn too",
        "width_2": "the narrowest blocks learn too",
        "single_stage": "all networks learn at once",
        "report": "how good its networks are on validation images, figures",
        "test": "how good they are on test images after each step",
        "page": "all of it on one page",
        "costs": "what every network costs",
        "warm_up_largest_narrow": "the largest narrow network learns your images",
        "warm_up_largest_wide": "the largest wide network learns your images",
        "warm_up_supernets": "all networks of both widths learn your images",
        "search": "looking for the best networks, turn by turn",
        "search_report": "the front and its figures",
        "plan_baselines": "which plain networks to compare with",
        "train_baselines": "plain networks are trained as long",
        "choose_networks": "which networks of the front are finished",
        "prepare_finishing": "the teacher of what is finished",
        "finish_networks": "what was found is trained to the end",
        "test_networks": "the one look at the test images",
        "draw_leaving": "where images leave early",
        "draw_results": "figures of the results",
        "export_finished": "files for other programs, each with its proof",
        "refuse_failed_exports": "whether all files hold",
        "train_baseline": "the network with its last exit alone learns",
        "train_ensemble": "the network with all its exits learns",
        "calibrate_early_stopping": "when images may leave early",
        "prune_ensemble": "which exits are worth keeping",
        "report_training": "curves of both trainings",
        "measure_networks": "what an image takes",
        "export_multi_exit": "files for other programs, each with its proof",
        "refuse_failed_aep_exports": "whether all files hold",
        "choose_studied_networks": "which networks are refined",
        "study_postprocessing": "every way to refine them",
        "postprocess_report": "which way is best",
        "evaluate_samples": "how good random networks are",
        "score_predictors": "every predictor on them",
        "report_predictors": "which predictor is best",
        "study_rank": "whether finishing orders networks as the search does",
        "report_rank": "the table and figure of it",
        "plan": "how long a training will take",
        "finishing_plan": "how long finishing will take",
        "search_plan": "how long a search will take",
        "compare": "all trainings side by side",
        "compare_searches": "all searches side by side",
        "compare_aep": "all networks side by side",
    }
)
"""By the last part of a node's name."""


def purpose(node: str) -> str:
    """What the step `node` is for; "" of one that nobody has told."""
    return PURPOSES.get(node.rpartition(".")[2], "")
