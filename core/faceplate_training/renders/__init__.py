"""Pictures of heads with exact labels: skins from photos, light from panoramas, hair, glasses and hands drawn."""
