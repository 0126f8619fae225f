"""Cannot be imported."""

raise RuntimeError("this module needs a licence key")
