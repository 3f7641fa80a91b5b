"""What is looked for in tasks and answers: personal data, signs of injection, content that is not wanted.

Pure but for the provider's moderation, which the caller hands in. Nothing here returns, logs or raises a found text.
"""

from agent.safety.checks import Safety
from agent.safety.moderation import Moderate, ModerationError
from agent.safety.settings import SafetySettings
from agent.safety.stream import OutputMask
from agent.safety.verdict import Action, Found, Verdict

__all__ = ["Action", "Found", "Moderate", "ModerationError", "OutputMask", "Safety", "SafetySettings", "Verdict"]
