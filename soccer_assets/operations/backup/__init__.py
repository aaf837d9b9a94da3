"""`soccer backup` and `soccer restore`: one folder with everything that an installation is made of.

Here: what is copied, in which order, how it is verified and put back. Not here: the lease that keeps the
pointer still meanwhile (``stores/releases/backup_lease.py``), and the installation's id (``stores``).
"""
