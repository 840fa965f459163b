"""The command `memr layouts`."""

from memr_cli.commands.options import CommonOptions, with_option_groups


@with_option_groups
def layouts(common: CommonOptions) -> None:
    """List the layouts of raw corpora that `memr ingest` reads.

    \b
    Examples:
      memr layouts
      memr layouts | jq -r .name
    """
    from memr_cli.corpora.registry import layouts as registered
    from memr_cli.results.corpus import LayoutFacts

    with common.console() as console:
        for layout in registered(console.notice).values():
            facts = {
                "name": layout.name,
                "description": layout.description,
                "source": layout.source,
            }
            console.emit(LayoutFacts(store=None, fingerprint=None, **facts), [facts])
