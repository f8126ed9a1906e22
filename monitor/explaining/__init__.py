"""`newsurge explain`: from one alert back to every record that it rests on."""
