"""
The servers that Parley is measured beside, each as its tutorial has it.

They are written here after what the tutorials teach, with rooms added where a tutorial has one
room for everybody, because the scenarios need them. None of them checks membership.
"""
