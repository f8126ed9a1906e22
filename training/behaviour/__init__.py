"""Behaviour tests: what a desk may expect of any sentiment model, whatever file it was measured on.

After Ribeiro et al., Beyond Accuracy: Behavioral Testing of NLP Models with CheckList (ACL 2020):
invariance and expectations on templates filled with names. The cases are data, in `cases/`.
"""
