"""What an alert offers to do: buttons that lead somewhere, or that run a function of the product.

``declaring`` is the declaration, ``chosen`` what a person has chosen of the alerts in a list.
"""
