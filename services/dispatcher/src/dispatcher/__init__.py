"""The dispatcher: takes campaigns and delivery reports, sends through the VPS, keeps every status true."""
