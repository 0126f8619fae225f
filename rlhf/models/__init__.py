"""Models as the project needs them: loading, checkpoint names, mixture-of-experts helpers, the built-in tiny one."""
