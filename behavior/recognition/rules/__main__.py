"""`python -m behavior.recognition.rules`: the table of docs/actions.md."""

from behavior.recognition.rules import vocabulary

print(vocabulary())
