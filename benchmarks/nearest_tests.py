"""Which tests are nearest to a module: the ones that should notice a bug in it."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCE = "src/headwater"

ELSEWHERE: dict[str, tuple[str, ...]] = {
    "_on_demand.py": ("tests/cli/test_light_commands.py",),
    "api/named_states.py": ("tests/api/test_decisions.py", "tests/api/test_policy.py"),
    "api/output.py": ("tests/api/test_api.py", "tests/cli/test_cli_commands.py"),
    "api/runs.py": (
        "tests/api/test_api.py",
        "tests/api/test_paths_as_texts.py",
        "tests/results/test_interrupted_simulation.py",
    ),
    "api/simulation.py": (
        "tests/api/test_api.py",
        "tests/api/test_failures.py",
        "tests/results/test_interrupted_simulation.py",
    ),
    "api/training.py": (
        "tests/api/test_api.py",
        "tests/api/test_failures.py",
        "tests/acceptance/test_boundary.py",
        "tests/sddp/training/test_resume.py",
    ),
    "api/uncertainty.py": (
        "tests/cli/test_uncertainty_commands.py",
        "tests/results/test_stochastic_export.py",
        "tests/acceptance/test_given_scenarios.py",
    ),
    "case/aliases.py": ("tests/case/test_case_spellings.py", "tests/case/test_equal_systems.py"),
    "case/build_config.py": ("tests/case/test_configuration.py", "tests/case/test_every_key.py"),
    "case/build_scenarios.py": (
        "tests/case/test_equal_systems.py",
        "tests/case/test_load_published_cases.py",
    ),
    "case/build_system.py": (
        "tests/case/test_equal_systems.py",
        "tests/case/test_load_published_cases.py",
    ),
    "case/builder_files.py": ("tests/case/test_builder.py",),
    "case/choices.py": ("tests/outside", "tests/choices"),
    "case/describe.py": (
        "tests/cli/test_case_commands.py",
        "tests/case/test_features.py",
        "tests/equipment/test_battery.py",
    ),
    "case/json_reader.py": ("tests/case/test_findings_files.py", "tests/case/test_fuzzed_cases.py"),
    "case/manifest.py": ("tests/case/test_findings_files.py", "tests/case/test_json_schemas.py"),
    "case/overrides.py": (
        "tests/case/test_equal_systems.py",
        "tests/case/test_load_published_cases.py",
    ),
    "case/settings.py": (
        "tests/case/test_changed_cases.py",
        "tests/case/test_findings_of_settings_without_effect.py",
        "tests/api/test_sweeps.py",
    ),
    "case/shapes.py": ("tests/case/test_findings_files.py", "tests/case/test_json_schemas.py"),
    "case/starter_parts.py": ("tests/case/test_starter_cases.py",),
    "case/starter_templates.py": ("tests/case/test_starter_cases.py",),
    "case/table_reader.py": (
        "tests/case/test_findings_files.py",
        "tests/case/test_equal_systems.py",
    ),
    "choices/risk/blend.py": (
        "tests/choices",
        "tests/sddp/cuts/test_risk.py",
        "tests/sddp/bounds/test_extensive_form.py",
    ),
    "choices/risk/chi_square.py": (
        "tests/choices",
        "tests/sddp/cuts/test_risk.py",
        "tests/sddp/bounds/test_extensive_form.py",
    ),
    "choices/risk/entropic.py": (
        "tests/choices",
        "tests/sddp/cuts/test_risk.py",
        "tests/sddp/bounds/test_extensive_form.py",
    ),
    "choices/risk/mixed_cvar.py": (
        "tests/choices",
        "tests/sddp/cuts/test_risk.py",
        "tests/sddp/bounds/test_extensive_form.py",
        "tests/acceptance/test_risk_and_cuts.py",
    ),
    "choices/stopping/gap.py": ("tests/sddp/training/test_stopping.py",),
    "choices/stopping/simulation_stalling.py": ("tests/sddp/training/test_stopping.py",),
    "choices/stopping/small_changes.py": ("tests/sddp/training/test_stopping.py",),
    "choices/stopping/statistical_gap.py": ("tests/sddp/training/test_stopping.py",),
    "cli/app.py": (
        "tests/cli/test_cli_commands.py",
        "tests/cli/test_help.py",
        "tests/cli/test_light_commands.py",
        "tests/cli/test_cli_processes.py",
    ),
    "cli/arguments.py": (
        "tests/cli/test_cli_commands.py",
        "tests/cli/test_policy_commands.py",
        "tests/cli/test_uncertainty_commands.py",
    ),
    "cli/case_display.py": ("tests/cli/test_case_commands.py",),
    "cli/compare_commands.py": (
        "tests/cli/test_compare_commands.py",
        "tests/cli/test_result_commands.py",
    ),
    "cli/event_lines.py": ("tests/cli/test_cli_commands.py", "tests/cli/test_cli_processes.py"),
    "cli/facts.py": ("tests/cli/test_result_commands.py", "tests/cli/test_cli_commands.py"),
    "cli/memory_limit.py": ("tests/cli/test_cli_processes.py",),
    "cli/results_commands.py": ("tests/cli/test_result_commands.py",),
    "cli/run_commands.py": ("tests/cli/test_cli_commands.py", "tests/cli/test_cli_processes.py"),
    "cli/streams.py": ("tests/cli/test_cli_processes.py", "tests/cli/test_cli_commands.py"),
    "cli/summary.py": (
        "tests/cli/test_result_commands.py",
        "tests/cli/test_cli_commands.py",
        "tests/results/test_lp_gaps.py",
    ),
    "core/equipment.py": (
        "tests/equipment/test_kinds.py",
        "tests/equipment/test_tables.py",
        "tests/case/test_findings_everywhere.py",
        "tests/outside/test_equipment.py",
    ),
    "core/ids.py": ("tests/equipment/test_kinds.py", "tests/model"),
    "core/parts.py": (
        "tests/equipment/test_kinds.py",
        "tests/outside/test_equipment.py",
        "tests/equipment/test_tables.py",
    ),
    "core/repairs.py": ("tests/sddp/bounds/test_prices.py", "tests/acceptance/test_upper_bound.py"),
    "core/stage_tables.py": (
        "tests/model",
        "tests/equipment/test_tables.py",
        "tests/case/test_equal_systems.py",
        "tests/case/test_findings_references.py",
    ),
    "distributed/launch.py": ("tests/distributed",),
    "distributed/mpi.py": ("tests/distributed",),
    "distributed/node_memory.py": ("tests/distributed/test_ranks.py",),
    "distributed/partition.py": ("tests/distributed/test_threads.py",),
    "distributed/team.py": ("tests/distributed/test_threads.py", "tests/distributed/test_ranks.py"),
    "equipment/context.py": ("tests/equipment",),
    "equipment/hydro/columns.py": ("tests/lp/test_template.py", "tests/lp/test_whole_stage.py"),
    "equipment/hydro/filling.py": (
        "tests/equipment/hydro/test_filling.py",
        "tests/lp/test_whole_stage.py",
    ),
    "equipment/hydro/head.py": ("tests/sddp/stage/test_head_refinement.py",),
    "equipment/hydro/inflows.py": (
        "tests/equipment/hydro/test_inflows.py",
        "tests/lp/test_whole_stage.py",
    ),
    "equipment/hydro/kind.py": (
        "tests/equipment/hydro",
        "tests/equipment/test_kinds.py",
        "tests/case/test_equal_systems.py",
    ),
    "equipment/hydro/plants.py": (
        "tests/equipment/hydro/test_plants.py",
        "tests/lp/test_block_modes.py",
        "tests/lp/test_whole_stage.py",
    ),
    "equipment/hydro/readout.py": (
        "tests/equipment/test_tables.py",
        "tests/lp/test_whole_stage.py",
    ),
    "equipment/hydro/reservoirs.py": (
        "tests/equipment/hydro/test_reservoirs.py",
        "tests/lp/test_block_modes.py",
        "tests/lp/test_whole_stage.py",
    ),
    "equipment/reading.py": (
        "tests/equipment/test_tables.py",
        "tests/equipment/test_user_constraint.py",
    ),
    "equipment/thermal/pipelines.py": ("tests/equipment/thermal/test_ahead.py",),
    "errors.py": ("tests/api/test_failures.py", "tests/cli/test_cli_commands.py"),
    "examples/__init__.py": (
        "tests/examples/test_examples.py",
        "tests/repository/test_example_case.py",
    ),
    "files.py": ("tests/test_files.py", "tests/policy"),
    "imports/newave/changes.py": ("tests/imports/newave",),
    "imports/newave/horizon.py": ("tests/imports/newave",),
    "imports/newave/inflows.py": ("tests/imports/newave",),
    "imports/newave/own_results.py": ("tests/imports/newave",),
    "imports/newave/registry.py": ("tests/imports/newave",),
    "imports/newave/water_costs.py": ("tests/imports/newave",),
    "imports/tables/layout.py": ("tests/imports/tables",),
    "imports/tables/sheets.py": ("tests/imports/tables",),
    "imports/tables/writing.py": ("tests/imports/tables",),
    "lp/diagnosis.py": ("tests/api/test_failures.py",),
    "lp/forms.py": (
        "tests/lp/test_template.py",
        "tests/lp/test_whole_stage.py",
        "tests/acceptance/test_formulations.py",
    ),
    "lp/future_cost.py": (
        "tests/equipment/test_contract.py",
        "tests/sddp/cuts/test_risk.py",
        "tests/choices/test_risk_measures.py",
        "tests/acceptance/test_risk_and_cuts.py",
        "tests/acceptance/test_cyclic.py",
    ),
    "lp/names.py": ("tests/lp/test_program.py", "tests/lp/test_mps.py"),
    "lp/readout.py": ("tests/equipment/test_tables.py", "tests/lp/test_whole_stage.py"),
    "lp/state_prices.py": (
        "tests/sddp/bounds/test_prices.py",
        "tests/acceptance/test_upper_bound.py",
    ),
    "lp/statistics.py": ("tests/lp/test_template.py", "tests/cli/test_case_commands.py"),
    "lp/writing.py": ("tests/lp/test_program.py",),
    "model/bounds.py": (
        "tests/model",
        "tests/equipment/thermal/test_generation.py",
        "tests/equipment/hydro/test_plants.py",
    ),
    "model/derived_views.py": ("tests/model", "tests/lp/test_template.py"),
    "model/production.py": ("tests/model", "tests/equipment/hydro/test_fpha_fit.py"),
    "model/scenario_source.py": (
        "tests/case/test_configuration.py",
        "tests/acceptance/test_given_scenarios.py",
        "tests/stochastic/test_sampling.py",
    ),
    "model/study_config.py": (
        "tests/case/test_configuration.py",
        "tests/api/test_api.py",
        "tests/sddp/training/test_training.py",
    ),
    "model/topology.py": ("tests/model", "tests/equipment/hydro/test_reservoirs.py"),
    "model/upper_bound.py": (
        "tests/case/test_configuration.py",
        "tests/acceptance/test_upper_bound.py",
    ),
    "policy/arrays_file.py": ("tests/policy",),
    "policy/checkpoint.py": (
        "tests/sddp/training/test_resume.py",
        "tests/policy/test_policy_store.py",
    ),
    "policy/inspection.py": (
        "tests/policy/test_tampered_policies.py",
        "tests/cli/test_policy_commands.py",
        "tests/api/test_policy.py",
    ),
    "policy/tables.py": (
        "tests/api/test_paths_as_texts.py",
        "tests/cli/test_policy_commands.py",
        "tests/api/test_policy.py",
    ),
    "policy/trace.py": (
        "tests/api/test_policy.py",
        "tests/cli/test_policy_commands.py",
        "tests/policy",
    ),
    "pypsa/draft.py": ("tests/with_pypsa",),
    "pypsa/future_cost.py": ("tests/with_pypsa",),
    "pypsa/inflows.py": ("tests/with_pypsa",),
    "pypsa/links.py": ("tests/with_pypsa",),
    "pypsa/reservoirs.py": ("tests/with_pypsa",),
    "pypsa/time_axis.py": ("tests/with_pypsa",),
    "pypsa/translation.py": ("tests/with_pypsa",),
    "report/outcome.py": (
        "tests/report/test_drawings.py",
        "tests/report/test_comparison.py",
        "tests/report/test_page.py",
    ),
    "report/subject.py": ("tests/report/test_page.py", "tests/report/test_drawings.py"),
    "report/tabs.py": ("tests/report/test_page.py",),
    "results/comparison.py": (
        "tests/cli/test_result_commands.py",
        "tests/report/test_comparison.py",
    ),
    "results/failure.py": ("tests/api/test_failures.py", "tests/cli/test_lp_command.py"),
    "results/metadata.py": (
        "tests/results/test_metadata_hardening.py",
        "tests/results/test_results_reader.py",
    ),
    "results/names_in_tables.py": (
        "tests/results/test_results_reader.py",
        "tests/results/test_other_forms.py",
        "tests/api/test_api.py",
    ),
    "results/simulation_journal.py": ("tests/results/test_interrupted_simulation.py",),
    "results/statistics.py": (
        "tests/results/test_results_writer.py",
        "tests/results/test_simulation_output.py",
    ),
    "results/training_schemas.py": (
        "tests/results/test_schemas_hardening.py",
        "tests/results/test_training_tables.py",
    ),
    "results/writer.py": (
        "tests/results/test_results_writer.py",
        "tests/results/test_writer_hardening.py",
    ),
    "sddp/bounds/prices.py": (
        "tests/sddp/bounds/test_inner_bound.py",
        "tests/acceptance/test_upper_bound.py",
    ),
    "sddp/bounds/upper_bound.py": ("tests/sddp/bounds", "tests/acceptance/test_upper_bound.py"),
    "sddp/cuts/boundary.py": ("tests/acceptance/test_boundary.py",),
    "sddp/kernels/backward_kernel.py": ("tests/sddp/passes/test_compiled_run.py",),
    "sddp/kernels/cut_kernel.py": (
        "tests/sddp/kernels/test_new_cuts.py",
        "tests/sddp/training/test_certified_cuts.py",
    ),
    "sddp/kernels/forward_kernel.py": ("tests/sddp/passes/test_compiled_run.py",),
    "sddp/kernels/pass_kernel.py": ("tests/sddp/passes/test_compiled_run.py",),
    "sddp/kernels/trial_kernel.py": (
        "tests/sddp/passes/test_compiled_run.py",
        "tests/sddp/training/test_certified_cuts.py",
    ),
    "sddp/passes/backward.py": (
        "tests/sddp/training/test_training.py",
        "tests/acceptance/test_oracles.py",
    ),
    "sddp/passes/compiled_bound.py": ("tests/sddp/passes/test_compiled_run.py",),
    "sddp/passes/effort_meter.py": ("tests/results/test_training_tables.py", "tests/sddp/passes"),
    "sddp/passes/forward.py": (
        "tests/sddp/training/test_training.py",
        "tests/acceptance/test_oracles.py",
    ),
    "sddp/passes/trajectories.py": (
        "tests/sddp/training/test_training.py",
        "tests/acceptance/test_oracles.py",
    ),
    "sddp/records/simulation.py": ("tests/sddp/simulation", "tests/sddp/records"),
    "sddp/simulation/decisions.py": ("tests/api/test_decisions.py",),
    "sddp/simulation/scenarios.py": ("tests/sddp/simulation/test_simulation.py",),
    "sddp/simulation/simulation.py": (
        "tests/sddp/simulation",
        "tests/sddp/records",
        "tests/results/test_interrupted_simulation.py",
    ),
    "sddp/stage/cut_rows.py": ("tests/sddp/cuts/test_pool.py", "tests/sddp/cuts/test_selection.py"),
    "sddp/training/checkpointing.py": ("tests/sddp/training/test_resume.py",),
    "sddp/training/matching.py": ("tests/sddp/training/test_warm_start.py",),
    "sddp/training/state.py": (
        "tests/sddp/training/test_training.py",
        "tests/sddp/training/test_resume.py",
    ),
    "solver/bits_kernel.py": (
        "tests/solver/test_openings_kernel.py",
        "tests/solver/test_factor_kernel.py",
    ),
    "solver/factor_kernel.py": (
        "tests/solver/test_openings_kernel.py",
        "tests/solver/test_kernel_faults.py",
    ),
    "solver/highs_kernel.py": ("tests/solver/test_highs.py", "tests/solver/test_hard_programs.py"),
    "solver/retry.py": ("tests/solver/test_highs.py", "tests/solver/test_hard_programs.py"),
    "solver/simplex_kernel.py": (
        "tests/solver/test_openings_kernel.py",
        "tests/solver/test_hard_programs.py",
    ),
    "solver/system_functions.py": ("tests/solver/test_highs_library.py",),
    "stochastic/cycle_fit.py": ("tests/stochastic/test_cycle.py",),
    "stochastic/designs.py": ("tests/stochastic/test_designs.py", "tests/stochastic/test_tree.py"),
    "stochastic/draws.py": (
        "tests/stochastic/test_sampling.py",
        "tests/stochastic/test_uncertainty.py",
    ),
    "stochastic/model_paths.py": ("tests/acceptance/test_given_scenarios.py",),
    "stochastic/order.py": (
        "tests/stochastic/test_order.py",
        "tests/stochastic/test_newave_oracle.py",
    ),
    "stochastic/samplers.py": ("tests/stochastic/test_sampling.py",),
}
"""Module -> tests that are nearer than those of its name."""

RULES = re.compile(r"^case/rules")
FINDINGS = (
    "test_findings_semantics.py",
    "test_finding_thresholds.py",
    "test_findings_references.py",
)
MOST_FILES = 4
"""Files of tests for a module that no table and no name leads to, only what it defines."""


def nearest_tests(module: str, root: Path = ROOT) -> tuple[str, ...]:
    """Tests of a module: those listed for it.

    Or those with its name, or that import it or what it defines.
    """
    if module in ELSEWHERE:
        return ELSEWHERE[module]
    package, stem = (module.split("/", maxsplit=1)[0] if "/" in module else ""), Path(module).stem
    found = set((root / "tests" / module).parent.glob(f"test_{stem}*.py"))
    if RULES.match(module):
        found |= set((root / "tests" / package).glob(f"test_findings_{stem[6:]}*.py"))
        found |= {root / "tests" / package / name for name in FINDINGS}
    dotted = f"headwater.{module[:-3].replace('/', '.')}"
    imports = _imports(root)
    found |= {
        path
        for path, names in imports.items()
        if any(name.rpartition(".")[0] == dotted for name in names)
    }
    if not found:
        tree = ast.parse((root / SOURCE / module).read_bytes())
        defined = {
            node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)
        }
        exported = {
            f"{place}.{name}" for name in defined for place in (f"headwater.{package}", "headwater")
        }
        found = {path for path, names in imports.items() if names & exported}
        # many tests use what a package exports; those of the package itself look at it
        found = set(sorted({path for path in found if package in path.parts} or found)[:MOST_FILES])
    return tuple(sorted(path.relative_to(root).as_posix() for path in found))


@cache
def _imports(root: Path) -> dict[Path, set[str]]:
    """Everything that each test uses, by the name of the test.

    What it imports by name, in full, and what it uses of the module ``headwater`` or
    ``headwater.model``.
    """
    found = {}
    for path in sorted((root / "tests").rglob("test_*.py")):
        names, short = set(), {}
        tree = ast.parse(path.read_bytes())
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                names |= {f"{node.module}.{alias.name}" for alias in node.names}
            elif isinstance(node, ast.Import):
                short |= {alias.asname or alias.name: alias.name for alias in node.names}
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and node.value.id in short
            ):
                names.add(f"{short[node.value.id]}.{node.attr}")
        found[path] = names
    return found


def package_tests(module: str, root: Path = ROOT) -> tuple[str, ...]:
    """Tests of the package of a module."""
    package = module.split("/", maxsplit=1)[0]
    return (
        (f"tests/{package}",)
        if "/" in module and (root / "tests" / package).is_dir()
        else ("tests/api", "tests/cli")
    )
