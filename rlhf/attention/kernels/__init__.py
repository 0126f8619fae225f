"""One folder an operation; `rlhf.attention.catalog` names them all."""
