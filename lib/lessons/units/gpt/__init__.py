"""The lesson ``16-gpt``: attention that never looks ahead, the transformer block, and writing at a temperature."""
