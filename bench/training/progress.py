"""A progress bar on a terminal, and no output in a log file."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm


@contextmanager
def progress(label: str, max_epochs: int) -> Iterator[Callable[[int, int], None]]:
    """A bar over epochs with the number of remaining replicates; disabled without a terminal."""
    quiet = not sys.stderr.isatty()
    with tqdm(total=max_epochs, desc=label, unit="epoch", disable=quiet, leave=False) as bar:

        def on_epoch(epoch: int, going: int) -> None:
            bar.update(epoch - bar.n)
            bar.set_postfix(replicates=going)

        yield on_epoch
