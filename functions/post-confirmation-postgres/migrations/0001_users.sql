-- One row a user who confirmed a sign-up. Only cognito_user_id identifies them: addresses and handles can change.
create table users (
    id bigint generated always as identity primary key,
    cognito_user_id text not null unique,
    display_name text,
    email text,
    handle text,
    created_at timestamptz not null default now()
);
