//! The tables row by row, the sequences behind them, and what holds for every plan.

mod arrive;
mod contested;
mod delete;
mod driver;
mod ds;
mod forged;
mod messages;
mod properties;
mod sequences;
mod surroundings;
mod update;
