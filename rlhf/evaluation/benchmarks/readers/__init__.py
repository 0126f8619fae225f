"""From a row of a benchmark's file to its problem: pure, one small function a format."""
