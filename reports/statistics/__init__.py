"""What results are read with: pure functions of arrays, no files, no clocks, seeds as arguments."""
