"""What an operator looks at on an asset's page: column descriptions, tables and plots.

Not here: the numbers themselves (``modelling``).
"""
