// In place of the theme's script, which draws icons of one's own: there are none here.
