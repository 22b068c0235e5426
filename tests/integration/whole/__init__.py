"""Tests against one hub that runs for all of them: a package, so that it ends with the last."""
