"""The door for assistants: the Model Context Protocol (MCP) at `/mcp`.

A tool is a request of the HTTP API, made within the sidecar. Not here: what it answers (the routes).
"""
