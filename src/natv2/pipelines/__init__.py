"""The Kedro pipelines; each is its nodes and how they are joined."""
