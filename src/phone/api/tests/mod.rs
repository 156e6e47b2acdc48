//! The rules of the contract, as stories on the server alone.
