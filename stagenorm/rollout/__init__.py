"""The rollout: a plan, the gates between its steps, and the controller that takes a step or holds."""
