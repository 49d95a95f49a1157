def write(store): print("page stub")
