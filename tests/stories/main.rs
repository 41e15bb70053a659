//! User stories: what somebody does with countersign, driven through the real binary or a server in this process. One module a
//! story.

mod harness;

mod commands;
mod errors;
mod first_start;
mod health_reflection;
mod readme_tables;
mod tls;
