"""`graph`: the copy of the knowledge graph in Neo4j."""

import typer

from learntrac.cli.shared import TracEnv, load_settings, progress_bar, say

commands = typer.Typer()
graph_app = typer.Typer(no_args_is_help=True, help="The copy of the knowledge graph in Neo4j.")
commands.add_typer(graph_app, name="graph")


@graph_app.command("rebuild")
def graph_rebuild(trac_env: TracEnv = None) -> None:
    """Remove LearnTrac's concepts from Neo4j and write them all anew. SQL answers graph and paths meanwhile."""
    from learntrac.operations import rebuild_graph
    from learntrac.serving import run

    with progress_bar("Writing the graph") as report:
        concepts, edges = run(rebuild_graph(load_settings(trac_env), on_progress=report))
    say(f"Neo4j holds {concepts} concepts and {edges} edges.")
