"""What Customer Service is called on the distributed bus.

It takes no commands from other services and announces nothing yet; it listens to what
``ports.contracts.backoffice`` announces.
"""

SERVICE = "customer_service"
