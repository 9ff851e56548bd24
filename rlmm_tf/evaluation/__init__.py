"""Policies played in markets: tables of episodes, baselines to compare with, stress scenarios."""
