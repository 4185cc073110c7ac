def patch(folder, machine, port):
    pass
