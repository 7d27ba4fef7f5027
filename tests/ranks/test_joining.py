"""What ranks are told before they join."""

import subprocess
import sys

from natv2.ranks.joining import Plan, computing_modules

TOLD = {"device": "cpu", "least": 2, "hosts": 1, "agents": 1, "token": "", "same": {}}


def test_ranks_load_what_rank_0_computes_with_and_nothing_else():
    import natv2.training.loop  # noqa: F401

    modules = computing_modules()
    assert "natv2.training.loop" in modules and not [m for m in modules if m.startswith("natv2.runs")]
    plan = Plan(**TOLD, modules=("natv2.training.schedule", "natv2.runs.hooks", "this", "natv2"))
    script = (
        "import sys; from natv2.ranks.joining import Plan; "
        f"Plan(**{TOLD!r}, modules={plan.modules!r}).load(); "
        "print([name in sys.modules for name in ('natv2.training.schedule', 'natv2.runs.hooks', 'this')])"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[True, False, False]"
